// What is wrong, or looks wrong, about a recipe that parses: conditions that can never hold, edits whose order matters
// and is not given, words that help nobody.
#pragma once

#include <string>
#include <vector>

#include "recipe/recipe.hpp"
#include "transform/source_tree.hpp"

namespace vgpukit::recipe {

struct LintFinding {
  bool error = false;  // or a warning: it works, and could be better
  std::string recipe;
  std::string what;  // a clause
  std::string next;  // what to do; may be empty
  SourcePos where;
};

// One recipe alone. `ids`: those that `after` may name.
std::vector<LintFinding> lint_recipe(const Recipe& recipe, const std::vector<std::string_view>& ids);

// A driver's files for lint_order(): a snippet of a recipe's test, or a whole driver.
struct LintTree {
  std::string name;  // for the message: "the test of 6.1-x (a case)"
  transform::SourceTree tree;
};
// Pairs of recipes that can meet on one kernel and driver, that both change one of the trees, and whose result depends
// on which goes first, while neither says `after` the other (nor a recipe between them does). Each pair once, with the
// first tree that shows it.
std::vector<LintFinding> lint_order(const std::vector<const Recipe*>& recipes, const std::vector<LintTree>& trees);

// A version that all the ranges contain, or nothing: the ranges contradict each other.
std::optional<Version> version_in(const std::vector<VersionRange>& ranges);

}  // namespace vgpukit::recipe
