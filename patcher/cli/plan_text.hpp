// A plan as text and as JSON, for `plan`, `patch` and `build`.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "build/build_report.hpp"
#include "cli/cli.hpp"
#include "recipe/plan.hpp"

namespace vgpukit::cli {

// The recipes of a report. `brief` names those that changed something or could not, and counts the others.
std::string recipes_text(const std::vector<build::BuildReport::RecipePart>& recipes, const Style& style, bool brief);
// Notices that wait for consent, with how to give it.
std::string notices_text(const std::vector<build::BuildReport::NoticePart>& notices, const Style& style);

// What kept a command from having its modules: a build that failed, or waits for consent. `so`: "nothing was
// installed".
Exit say_refused(const Globals& globals, const build::BuildReport& report, const std::string& so);

struct PlanExtras {
  bool diff = false;
  bool facts = false;
};
struct ShownPlan {
  Exit code = Exit::done;   // consent where a notice waits, failed where a recipe cannot be applied
  nlohmann::json document;  // with --format json: what the caller is to print
};
// Makes the plan and prints it as text, or gives its JSON.
Result<ShownPlan> show_plan(const Globals& globals, const driver::Driver& driver, kernel::Facts& facts,
                            const recipe::Catalogue& catalogue, const std::set<std::string>& accepted,
                            const PlanExtras& extras);
// Facts as a table: the question, yes or no, and the evidence.
std::string facts_text(const kernel::Facts& facts, const Style& style);
nlohmann::json facts_json(const kernel::Facts& facts);

}  // namespace vgpukit::cli
