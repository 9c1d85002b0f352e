// Builds a patched tree for one kernel with the driver's own Makefile, and watches it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "diagnostics/diagnostics.hpp"
#include "driver/driver.hpp"
#include "kernel/facts.hpp"
#include "support/result.hpp"

namespace vgpukit::build {

struct BuildProgress {
  enum class Phase { conftest, compile, link } phase = Phase::conftest;
  unsigned done = 0;
  unsigned total = 0;   // 0: not known yet
  std::string current;  // the file or test at work
};

struct BuildRequest {
  std::filesystem::path tree;  // the patched tree, below host.work(), complete with binary objects; built in place
  std::vector<std::string> modules;  // what to build; empty: all
  bool has_objects = false;          // of an earlier build in the same folder, and conftest/ too
  unsigned jobs = 1;
  bool precompile_headers = true;                         // see SharedHeaders; the objects are the same
  bool allow_undefined = false;                           // symbols that nothing defines are left to the verification
  bool first_error_only = false;                          // make without -k
  bool debug_info = false;                                // -g and BTF as the kernel's configuration says; else neither
  std::filesystem::path log;                              // every line that make printed
  std::function<void(const BuildProgress&)> on_progress;  // may be empty
};

struct BuildResult {
  bool built = false;
  std::vector<std::filesystem::path> modules;  // *.ko, in the tree
  std::vector<diagnostics::Diagnostic> errors;
  std::vector<diagnostics::Diagnostic> warnings;
  unsigned conftest_tests = 0;
  unsigned conftest_cached = 0;  // answers that were known before: of tests where nothing had changed, else of snippets
  unsigned conftest_compiled = 0;  // snippets that a compiler was asked about
  double conftest_seconds = 0;
  double compile_seconds = 0;
  double cpu_seconds = 0;
};

// make -k -jN modules in the tree, inside the kernel's root, with the kernel's compiler and without debug information
// unless asked for. Error: missing when make itself cannot run; failed "interrupted". A compile error is a result with
// built == false.
Result<BuildResult> build_tree(kernel::Facts& facts, const BuildRequest& request);
Result<BuildResult> build_tree(const kernel::Kernel& kernel,
                               const BuildRequest& request);  // the same: nothing but the kernel is asked

}  // namespace vgpukit::build
