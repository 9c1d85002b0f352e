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
// Notices that need consent, and the options that give it.
std::string notices_text(const std::vector<build::BuildReport::NoticePart>& notices, const Style& style);

// Prints why a build did not give modules: it failed or needs consent. `so`: the consequence ("nothing was installed").
Exit print_refused(const Globals& globals, const build::BuildReport& report, const std::string& so);

struct PlanExtras {
  bool diff = false;
  bool facts = false;
};
struct ShownPlan {
  Exit code = Exit::done;   // consent: a recipe needs it; failed: a recipe cannot be applied
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
