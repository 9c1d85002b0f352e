#pragma once

#include <string>
#include <vector>

#include "recipe/lint.hpp"
#include "transform/source_tree.hpp"

namespace vgpukit::recipe {

// Sources to apply recipes to: a snippet of a recipe's test, or a whole driver.
struct LintTree {
  std::string name;  // for the message: "the test of 6.1-x (a case)"
  transform::SourceTree tree;
};
// Pairs of recipes that can apply to the same kernel and driver, that change the same file of a tree, and whose result
// depends on their order, although `after` does not order them, directly or through other recipes. Each pair is
// reported once, with the first tree that shows it.
std::vector<LintFinding> lint_order(const std::vector<const Recipe*>& recipes, const std::vector<LintTree>& trees);

}  // namespace vgpukit::recipe
