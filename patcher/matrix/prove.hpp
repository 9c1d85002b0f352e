// Finds recipes that no cell needs: builds cells without one recipe each.
#pragma once

#include "matrix/matrix_run.hpp"

namespace vgpukit::matrix {

// For each recipe that was applied in a green cell of `result`: whether the cell is green without it.
struct RecipeProof {
  std::string recipe;
  // The cheapest first; the last one failed without the recipe, if any did.
  std::vector<CellResult> tried;
  [[nodiscard]] bool is_unneeded() const;  // at least one cell was tried, and all were green
};
struct ProofOptions {
  unsigned cells_per_recipe = 6;  // the number of green cells after which a recipe counts as not needed
  std::function<void(const std::string& recipe, const CellResult& cell)> on_try;
};
// Ignores cells that are not in the grid or cannot be opened. Builds stop at their first error. Errors: as
// run_matrix().
Result<std::vector<RecipeProof>> prove_recipes(const MatrixRun& run, const MatrixResult& result,
                                               const ProofOptions& options);

}  // namespace vgpukit::matrix
