// A plan: for every recipe whether it applies to this driver on this kernel, and why (ninja's -d explain is the model).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "recipe/recipe.hpp"

namespace vgpukit::recipe {

enum class Decision { applies, not_needed, already_fixed, needs_consent, cannot };
std::string_view decision_name(
    Decision decision);  // "applies", "not needed", "already fixed", "needs consent", "cannot"

struct PlanLine {
  const Recipe* recipe = nullptr;
  Decision decision = Decision::not_needed;
  std::string reason;                           // the fact, the file or the version that decided it
  std::vector<transform::Applied::File> files;  // what it changes
  std::vector<std::string> doubts;     // sentences: what was taken for a change of the kernel and may be something else
  transform::SourceTree::Edits after;  // the tree's edits right after this recipe (applies only)
};

struct Plan {
  std::vector<PlanLine> lines;  // one for every recipe of the catalogue, in its order
  [[nodiscard]] bool has(Decision decision) const;
  [[nodiscard]] std::vector<const PlanLine*> applied() const;
};

// Decides and, for those that apply, edits `tree` in memory, in order. Conditions on the driver see the edits of the
// recipes before. A recipe with a notice that is not in `accepted` is planned as needs_consent and changes nothing. A
// step that refuses, or `ensures` that do not hold afterwards, make it `cannot`, and its edits are taken back. Error:
// only when facts cannot be asked at all (no compiler, broken headers).
Result<Plan> make_plan(const Catalogue& catalogue, const driver::Driver& driver, kernel::Facts& facts,
                       transform::SourceTree& tree, const std::set<std::string>& accepted);

// What make_plan() decides about one recipe alone: for its tests and for lint.
Result<PlanLine> plan_recipe(const Recipe& recipe, const driver::Driver& driver, kernel::Facts& facts,
                             transform::SourceTree& tree, const std::set<std::string>& accepted);

}  // namespace vgpukit::recipe
