// Builds a patched tree for one kernel with the driver's own Makefile.
#pragma once

#include <filesystem>
#include <functional>
#include <set>
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
  std::string current;  // the current file or test
};

struct BuildRequest {
  std::filesystem::path tree;  // the patched tree, below host.work(), complete with binary objects; built in place
  std::vector<std::string> modules;  // the modules to build; empty: all
  bool has_objects = false;          // the tree has objects and a conftest/ of an earlier build
  unsigned jobs = 1;
  bool precompile_headers = true;  // see PrecompiledHeaders; the objects are the same. Not worth it for a few files
  bool allow_undefined = false;    // undefined symbols are no errors: the verification checks them
  bool first_error_only = false;   // make without -k
  std::set<std::string> accepted;  // notices: those about the kernel become variables of conftest.sh
  kernel::DebugInfo debug_info;    // none, or what ProbeBuild says, or as_configured
  std::filesystem::path log;       // every line that make printed
  std::function<void(const BuildProgress&)> on_progress;  // may be empty
};

struct BuildResult {
  std::vector<std::string> refused;    // lines of the output that tell what the sandbox has refused
  std::vector<std::string> exhausted;  // and those about its limits of memory and processes
  bool built = false;
  std::vector<std::filesystem::path> modules;  // *.ko, in the tree
  std::vector<diagnostics::Diagnostic> errors;
  std::vector<diagnostics::Diagnostic> warnings;
  unsigned conftest_tests = 0;
  unsigned conftest_cached = 0;    // cached answers: of tests if nothing has changed, otherwise of snippets
  unsigned conftest_compiled = 0;  // snippets that were compiled
  double conftest_seconds = 0;
  double compile_seconds = 0;
  double cpu_seconds = 0;
};

// Runs make -k -jN modules in the tree, inside the kernel's root, with the kernel's compiler. Error: missing if make
// cannot run; interrupted. After a compile error there is a result with built == false.
Result<BuildResult> build_tree(kernel::Facts& facts, const BuildRequest& request);
Result<BuildResult> build_tree(const kernel::Kernel& kernel, const BuildRequest& request);  // with fresh facts

}  // namespace vgpukit::build
