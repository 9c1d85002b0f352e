// Builds one cell in a process of its own: `vgpukit build ... --format json`, as docs/schemas describes. A crash, a
// lack of memory or a hang affects no other cell.
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
#include "support/process.hpp"
#include "support/result.hpp"

namespace vgpukit::matrix {

struct CellBuild {
  std::string program = "/proc/self/exe";  // the vgpukit that is run
  std::string driver_word;                 // the DRIVER argument of `vgpukit build`
  const CellRequest* request = nullptr;
  HostPaths host;                    // of the kernel
  std::string release;               // of the kernel
  std::vector<std::string> options;  // more arguments: --recipes DIR, --without ID, --assume FACT
  std::chrono::seconds deadline{3600};
  unsigned jobs = 1;
  bool first_error_only = false;
  bool adapt = false;  // look for recipes if it is not built
  fs::path log;        // the file for the build's log
  // The --output of the build: different for builds that run at the same time, so that each has a work tree of its own.
  // Modules that will be loaded are delivered there.
  fs::path output;
  std::map<std::string, std::string> environment;  // of the program that loads the modules
};

// Runs the build, then loads its modules if the request has `loads`. Sets verdict, reason, hint, recipes, seconds, log
// and build of the result, also if the build fails or crashes. Error: interrupted only.
Status build_cell(const CellBuild& what, CellResult& result);

// The arguments of `vgpukit adapt` for the cell.
std::vector<std::string> adapt_words(const CellBuild& what);
// The vgpukit of the matrix with these arguments, and the folders of the cell's machine.
Command vgpukit_command(const CellBuild& what, std::vector<std::string> words);

// What is left of the cell's deadline after the result's seconds: at least one second.
std::chrono::seconds time_left(const CellBuild& what, const CellResult& result);

// The command for a user: `vgpukit build ...`.
std::string command_line_of(const CellBuild& what);

}  // namespace vgpukit::matrix
