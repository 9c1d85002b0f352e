// A plan: whether each recipe applies to this driver on this kernel, and why (the model is ninja's -d explain).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "recipe/catalogue.hpp"

namespace vgpukit::recipe {

enum class Decision { applies, not_needed, already_fixed, needs_consent, cannot };
// "applies", "not needed", "already fixed", "needs consent", "cannot"
std::string_view decision_name(Decision decision);

struct PlanLine {
  const Recipe* recipe = nullptr;
  Decision decision = Decision::not_needed;
  std::string reason;                           // the fact, the file or the version that decided it
  bool by_kernel = false;                       // not needed because of the kernel, not of the driver
  std::vector<transform::Applied::File> files;  // what it changes
  // Of a recipe that cannot be applied: the files and modules that it concerns. Empty: not known, so all.
  std::vector<std::string> concerns, modules;
  std::vector<std::string> doubts;     // sentences: why an answer of the kernel is not certain
  transform::SourceTree::Edits after;  // the tree's edits after this recipe, if it applies
};

struct Plan {
  std::vector<PlanLine> lines;  // one for each recipe of the catalogue, in its order
  [[nodiscard]] bool has(Decision decision) const;
  [[nodiscard]] std::vector<const PlanLine*> applied() const;
};

// Which recipes that are needed and cannot be applied end a build: none, because the compiler decides whether it needs
// them; those with consequences that only show at run time; or all.
enum class Strict { none, run_time, all };
// The lines of `plan` that end a build. With run_time, which is for builds that nobody watches, also recipes that apply
// and of which nothing is known but that they compile (Adapted::compiles).
std::vector<const PlanLine*> blocking(const Plan& plan, Strict strict);

// Decides about each recipe in order, and applies those that apply to `tree` in memory, so that later conditions on the
// driver see these edits. A recipe whose notice is not in `accepted` becomes needs_consent and changes nothing. If a
// step fails or `ensures` does not hold afterwards, the recipe becomes `cannot` and its edits are undone; it is not
// needed if it concerns none of `modules` (those that are built; empty: all of the driver). Error: only if facts cannot
// be determined (no compiler, broken headers).
Result<Plan> make_plan(const Catalogue& catalogue, const driver::Driver& driver, kernel::Facts& facts,
                       transform::SourceTree& tree, const std::set<std::string>& accepted,
                       const std::vector<std::string>& modules = {});

// The same for one recipe, for its tests and for lint.
Result<PlanLine> plan_recipe(const Recipe& recipe, const driver::Driver& driver, kernel::Facts& facts,
                             transform::SourceTree& tree, const std::set<std::string>& accepted);

}  // namespace vgpukit::recipe
