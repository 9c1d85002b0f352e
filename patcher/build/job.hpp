// One driver on one kernel, from the package to verified modules: plan, patched tree with its history, make,
// verification, output.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "build/build_report.hpp"
#include "build/build_tree.hpp"
#include "driver/driver.hpp"
#include "history/history.hpp"
#include "kernel/facts.hpp"
#include "recipe/plan.hpp"
#include "support/result.hpp"

namespace vgpukit::build {

struct BuildJob {
  const driver::Driver* driver = nullptr;
  const recipe::Catalogue* catalogue = nullptr;  // the recipes that may be applied
  const recipe::Catalogue* explanations =
      nullptr;  // the recipes that may explain an error; the shipped ones also where they are not applied
  std::set<std::string> accepted;    // notices
  std::vector<std::string> modules;  // empty: all that the driver has
  // Where the modules go; empty: default_output(). A folder that no build made, with something in it, is an error:
  // usage.
  std::filesystem::path output;
  unsigned jobs = 1;
  bool debug_info = false;
  bool compile_only = false;      // compile and verify, deliver no modules; a missing binary object is tolerated
  bool keep_going = false;        // build even though a recipe that is needed could not be applied
  bool first_error_only = false;  // stop at the first error, for who only wants to know whether there is one
  bool keep_objects = false;      // for the next build of this driver for this kernel: it compiles what has changed
  double extract_seconds = 0;     // what opening the package took, for the report
  std::function<void(const BuildProgress&)> on_progress;
  std::function<void(std::string_view)> on_step;  // "waiting for another vgpukit that builds this tree"
};

// host.state/built/VERSION-FLAVOUR/RELEASE.
std::filesystem::path default_output(const HostPaths& host, const driver::Driver& driver, const kernel::Kernel& kernel);

// Builds. When driver, headers, compiler, recipes and options are those of the build that is in the output folder
// already, and its modules are still what it made, nothing is built again and `unchanged` is set. A build of the same
// driver for the same kernel by another process is waited for. The output folder appears, or is replaced, only when
// everything was built and verified; the log of a failed build is kept in host.state/logs. A failed compile, a refused
// module and missing consent are results. Errors: what cannot be tried at all, and "interrupted".
Result<BuildReport> run_build(kernel::Facts& facts, const BuildJob& job);

// The plan's lines for a report.
std::vector<BuildReport::RecipePart> recipe_parts(const recipe::Plan& plan);
// The notices of the plan: those that wait for consent where there are any, else those that were accepted and applied.
std::vector<BuildReport::NoticePart> notice_parts(const recipe::Plan& plan);
// What the recipes that apply went by and that is not certain, as warnings.
std::vector<BuildReport::ErrorPart> doubt_parts(const recipe::Plan& plan);

}  // namespace vgpukit::build
