#pragma once

#include <string>
#include <vector>

#include "recipe/recipe.hpp"

namespace vgpukit::recipe {

struct LintFinding {
  bool error = false;  // false: a warning; the recipe works
  std::string recipe;
  std::string what;  // a clause
  std::string next;  // what to do; may be empty
  SourcePos where;
};

// Faults of one recipe that parses: conditions that can never hold, a missing `ensures`, texts that match too much.
// `ids`: those that `after` may name.
std::vector<LintFinding> lint_recipe(const Recipe& recipe, const std::vector<std::string_view>& ids);

// A version that all the ranges contain; nothing if there is none.
std::optional<Version> version_in(const std::vector<VersionRange>& ranges);

}  // namespace vgpukit::recipe
