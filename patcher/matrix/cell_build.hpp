// Builds one cell, as a process of its own: `vgpukit build ... --format json`, the contract of docs/cli.md. A crash, a
// full memory or a hang ends that cell and no other.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "kernel/kernel.hpp"
#include "matrix/cell_inputs.hpp"
#include "matrix/matrix_result.hpp"
#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::matrix {

struct CellBuild {
  std::string program = "/proc/self/exe";  // the vgpukit that is run
  std::string driver_word;                 // as `vgpukit build` takes it
  const CellRequest* request = nullptr;
  HostPaths host;                    // of the kernel
  std::string release;               // of the kernel
  std::vector<std::string> options;  // more words for every build: --recipes DIR, --without ID, --assume FACT
  std::chrono::seconds deadline{3600};
  unsigned jobs = 1;
  bool first_error_only = false;
  fs::path log;     // where the build's log is to be kept
  fs::path output;  // names this build, so that no two that run at once share a scratch folder; what is to be loaded is
                    // put there
  std::map<std::string, std::string> environment;  // of the program that loads it
};

// Runs the build, and where that is wanted loads what it made, and fills verdict, reason, hint, recipes, seconds, log
// and build. Whatever happens to the build is a result. Error: "interrupted" only.
Status build_cell(const CellBuild& what, CellResult& result);

// The same command for a user to type: `vgpukit build ...`.
std::string command_line_of(const CellBuild& what);

}  // namespace vgpukit::matrix
