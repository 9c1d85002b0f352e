// Measures adapt(): takes one recipe away that this driver needs for this kernel, and looks for it without it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "adapt/adapt.hpp"

namespace vgpukit::adapt {

struct LeftOut {
  // same: the preprocessed C is that of the recipe. different: it builds and is verified, with other C. none: it does
  // not build. not_seen: the driver builds without the recipe.
  enum class Outcome { same, different, none, not_seen };
  std::string recipe;
  std::string kind;  // of the first error: "function gone", "callback changed"; "link or load": it compiles
                     // without it; "conftest and makefiles": it changes these
  Outcome outcome = Outcome::none;
  AdaptReport report;  // of the search
  double seconds = 0;  // after the failed build
};
std::string_view outcome_name(LeftOut::Outcome outcome);  // "same", "different", "none", "not seen"

// Loads the catalogue without these recipes.
using LoadWithout = std::function<Result<recipe::Catalogue>(const std::vector<std::string>& ids)>;

// For each recipe that job.catalogue applies (`only`: those that are named; empty: all). The driver is built once as a
// whole. Calls on_result after each. Error: failed if it does not build with all recipes; otherwise as adapt().
Result<std::vector<LeftOut>> leave_one_out(kernel::Facts& facts, const AdaptJob& job, const LoadWithout& load,
                                           const std::vector<std::string>& only,
                                           const std::function<void(const LeftOut&)>& on_result);

}  // namespace vgpukit::adapt
