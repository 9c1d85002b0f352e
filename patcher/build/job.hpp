// Builds one driver for one kernel: plan, patched tree, conftest, make, verification, signing, output. This file is the
// entry to the folder build/, which may use support, kernel, driver, transform, recipe, diagnostics, history, module
// and conftest.
//
// work_tree writes the patched tree, build_tree runs make (make_command) and follows it (build_watch), compiler_cache
// and precompiled_headers save compile time, explain_errors and missing_object explain and check the result.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "build/build_report.hpp"
#include "build/build_tree.hpp"
#include "conftest/driver_checks.hpp"
#include "driver/driver.hpp"
#include "history/history.hpp"
#include "kernel/facts.hpp"
#include "recipe/plan.hpp"
#include "support/result.hpp"

namespace vgpukit::build {

struct BuildJob {
  const driver::Driver* driver = nullptr;
  const recipe::Catalogue* catalogue = nullptr;  // the recipes that may be applied
  // The recipes that may explain an error: the shipped ones too, even if they are not applied.
  const recipe::Catalogue* explanations = nullptr;
  std::set<std::string> accepted;    // notices
  std::vector<std::string> modules;  // empty: all that the driver has
  // The folder for the modules; empty: default_output(). A non-empty folder that no build made is an error: usage.
  std::filesystem::path output;
  // Another state folder, whose default_output() may have the result of the same build; empty: none.
  std::filesystem::path other_state;
  unsigned jobs = 1;
  bool debug_info = false;
  bool compile_only = false;  // compile and verify, but deliver no modules; a missing binary object is no error
  recipe::Strict strict = recipe::Strict::none;  // which recipes that cannot be applied end the build at once
  bool first_error_only = false;                 // stop at the first error
  bool keep_objects =
      false;  // for the next build of this driver for this kernel, which then compiles only what changed
  double extract_seconds = 0;  // the time for opening the package, for the report
  std::function<void(const BuildProgress&)> on_progress;
  std::function<void(std::string_view)> on_step;  // "waiting for another vgpukit that builds this tree"
};

// host.state/built/VERSION-FLAVOUR/RELEASE.
std::filesystem::path default_output(const HostPaths& host, const driver::Driver& driver, const kernel::Kernel& kernel);

// If the output folder has a build with the same driver, headers, compiler, recipes and options, and its modules are
// unchanged, nothing is built and `unchanged` is set. Waits for another process that builds the same driver for the
// same kernel. The output folder is created or replaced only if everything was built and verified. The log of a failed
// build stays in host.state/logs. A compile error, a refused module and missing consent are results. Errors: missing
// inputs and tools; interrupted.
Result<BuildReport> run_build(kernel::Facts& facts, const BuildJob& job);

}  // namespace vgpukit::build
