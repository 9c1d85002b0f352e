// Runs a program of others that changes the machine, such as sriov-manage, systemctl or dkms: what it did counts, not
// only its exit status.
#pragma once

#include <functional>
#include <string>

#include "support/process.hpp"
#include "support/result.hpp"

namespace vgpukit {

struct OutsideProgram {
  Command command;        // its deadline is that of one try
  std::string name = {};  // for the error; empty: argv[0]
  std::string tried;      // for the error: "make the 32 virtual functions of 0000:41:00.0"
  std::string next;       // what to do if it fails
  // Says what is wrong after the program has ended; empty text: what must be true is true. Without this function the
  // exit status decides.
  std::function<std::string()> wrong = {};
  // How often it runs while it ends with 0 and something is wrong. A try with another status is the last one.
  unsigned tries = 1;
  std::function<bool()> pause = {};  // between two tries; false: stop
  // Puts the machine back after a failure. Gives what it did, for the error, or empty text if there was nothing to do.
  std::function<Result<std::string>()> put_back = {};
};

// Error: failed, with the exit status, the last lines that the program printed and what was put back. A program that
// fails although nothing is wrong is only a warning. Also the errors of run().
Status run_outside(const OutsideProgram& program);

}  // namespace vgpukit
