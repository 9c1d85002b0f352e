// Runs the cells of a grid: several at once, each result written when it is there, those taken over where nothing has
// changed.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "matrix/grid.hpp"
#include "matrix/matrix_result.hpp"
#include "recipe/catalogue.hpp"
#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::matrix {

struct MatrixRun {
  const Grid* grid = nullptr;
  HostPaths machine;
  const recipe::Catalogue* catalogue = nullptr;  // the recipes that may be applied
  std::set<std::string> accepted;                // notices, for all cells
  std::map<std::string, bool> assumptions;       // facts, for all cells
  std::vector<std::string>
      options;  // words for every `vgpukit build` that say the same: --recipes, --without, --assume
  std::string program = "/proc/self/exe";          // the vgpukit that builds
  std::map<std::string, std::string> environment;  // of what the file's `loads` run: program_environment()
  fs::path folder;                                 // keeps results and logs from run to run; one run at a time
  unsigned jobs = 1;                               // compilers at once, of all cells together
  bool fresh = false;                              // take nothing from earlier runs
  // A cell begins (nullptr), or has its result. From any thread, one at a time.
  std::function<void(const Cell& cell, const CellResult* result)> on_cell;
  std::function<void(std::string_view text)> on_step;  // "waiting for another run"
};

// STATE/matrix/NAME-HASH, for the file's name and its place.
fs::path default_folder(const HostPaths& machine, const fs::path& file);

// Runs the grid's cells. Green cells whose inputs are those of the result in `folder` are taken over; of a run that was
// interrupted, all that it had done. What is missing, fails, dies or takes too long is a result. Errors: missing when
// `folder` cannot be written; "interrupted": what was done is in `folder`.
Result<MatrixResult> run_matrix(const MatrixRun& run);

// For each recipe that was applied in a green cell of `result`: whether the cell still is green without it.
struct RecipeProof {
  std::string recipe;
  std::vector<CellResult>
      tried;  // the cheapest first; the last is the one that failed without the recipe, if there is one
  [[nodiscard]] bool is_unneeded() const;  // tried at least once, and never missed
};
struct ProofOptions {
  unsigned cells_per_recipe = 6;  // how many cells may still be green before the recipe is called dead weight
  std::function<void(const std::string& recipe, const CellResult& cell)> on_try;
};
// Cells that are not in the grid, or cannot be opened, prove nothing. Builds stop at their first error. Errors as of
// run_matrix().
Result<std::vector<RecipeProof>> prove_recipes(const MatrixRun& run, const MatrixResult& result,
                                               const ProofOptions& options);

}  // namespace vgpukit::matrix
