// How plans, recipes and facts are printed, for `plan`, `patch`, `build`, `install`, `package` and `kernel facts`.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "build/build_report.hpp"
#include "cli/cli.hpp"
#include "recipe/plan.hpp"

namespace vgpukit::cli {

// The recipes of a report. `brief`: those that changed something or could not; the others are only counted.
std::string recipes_text(const std::vector<build::BuildReport::RecipePart>& recipes, const Style& style, bool brief);
// The driver's own refusals of the kernel.
std::string checks_text(const std::vector<build::BuildReport::CheckPart>& checks, const Style& style);
// Notices that need consent, and the options that give it.
std::string notices_text(const std::vector<build::BuildReport::NoticePart>& notices, const Style& style);

// Prints why a build did not give modules: it failed or needs consent. `so`: the consequence ("nothing was installed").
Exit print_refused(const Globals& globals, const build::BuildReport& report, const std::string& so);

struct PlanExtras {
  bool diff = false;
  bool facts = false;
  bool strict = false;               // a recipe that cannot be applied is an error
  std::vector<std::string> modules;  // those that would be built; empty: all
};
struct ShownPlan {
  Exit code = Exit::done;   // consent: a recipe or a check of the driver needs it; failed: it cannot be built
  nlohmann::json document;  // with --format json: the caller prints it
};
// Makes the plan, and prints it as text or gives it as JSON.
Result<ShownPlan> show_plan(const Globals& globals, const driver::Driver& driver, kernel::Facts& facts,
                            const recipe::Catalogue& catalogue, const std::set<std::string>& accepted,
                            const PlanExtras& extras);
// A table of questions, answers and evidence.
std::string facts_text(const kernel::Facts& facts, const Style& style);
nlohmann::json facts_json(const kernel::Facts& facts);

}  // namespace vgpukit::cli
