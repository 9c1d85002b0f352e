#include "matrix/prove.hpp"

#include <algorithm>
#include <map>

#include "matrix/opened_cells.hpp"
#include "matrix/schedule.hpp"
#include "support/atomic_file.hpp"
#include "support/interrupt.hpp"

namespace vgpukit::matrix {

namespace {

// Sorts the cells: the cheapest first, then always the cheapest of those whose driver and kernel were used least. A
// recipe may be needed for one driver, kernel or compiler only.
void order(std::vector<const CellResult*>& cells) {
  std::map<std::string, unsigned> drivers;
  std::map<std::string, unsigned> kernels;
  const auto rank = [&](const CellResult* cell) {
    return std::pair(drivers[cell->driver] + kernels[cell->kernel], cell->seconds);
  };
  for (auto next = cells.begin(); next != cells.end(); ++next) {
    std::iter_swap(
        next, std::min_element(next, cells.end(), [&](const auto* a, const auto* b) { return rank(a) < rank(b); }));
    ++drivers[(*next)->driver];
    ++kernels[(*next)->kernel];
  }
}

// The green cells in which each recipe was applied, in the order of the attempts.
std::map<std::string, std::vector<const CellResult*>> cells_by_recipe(const MatrixResult& result) {
  std::map<std::string, std::vector<const CellResult*>> all;
  for (const auto& cell : result.cells)
    if (is_green(cell))
      for (const auto& recipe : cell.recipes) all[recipe].push_back(&cell);
  for (auto& [recipe, cells] : all) order(cells);
  return all;
}

const Cell* find_cell(const Grid& grid, const CellResult& of) {
  const auto found = std::find_if(grid.cells.begin(), grid.cells.end(), [&](const Cell& cell) {
    return grid.driver(cell).name == of.driver && grid.column(cell).name == of.kernel;
  });
  return found == grid.cells.end() ? nullptr : &*found;
}

}  // namespace

bool RecipeProof::is_unneeded() const {
  return !tried.empty() &&
         std::all_of(tried.begin(), tried.end(), [](const CellResult& cell) { return is_green(cell); });
}

Result<std::vector<RecipeProof>> prove_recipes(const MatrixRun& run, const MatrixResult& result,
                                               const ProofOptions& options) {
  TRY_ASSIGN(const auto lock, FileLock::acquire(run.folder / "lock", [&] {
               if (run.on_step) run.on_step("another vgpukit is running this matrix: waiting for it");
             }));
  OpenedCells opened_cells(run);
  std::vector<RecipeProof> proofs;
  for (const auto& [recipe, cells] : cells_by_recipe(result)) {
    // An unknown recipe cannot be left out: it is of another version or of a folder that is not used now.
    RecipeProof proof{recipe, {}};
    if (!run.catalogue->find(recipe)) {
      proofs.push_back(std::move(proof));
      continue;
    }
    for (const auto* known : cells) {
      const auto* cell = find_cell(*run.grid, *known);
      if (!cell) continue;
      CellResult without;
      const auto open = opened_cells.open(*cell, without);
      if (Interrupt::caught() != 0)
        return Error{ErrorKind::interrupted, "prove the recipes", "interrupted", "run the same command again"};
      if (!open) continue;
      auto what = opened_cells.build_of(*cell, *open, file_name_of(without) + "-without-" + recipe);
      what.options.insert(what.options.end(), {"--without", recipe});
      what.jobs = std::min(run.jobs, jobs_for_memory(run.machine));
      what.first_error_only = true;
      TRY(build_cell(what, without));
      // A cell that could not be built proves nothing.
      if (without.verdict == Verdict::missing || without.build.is_null()) continue;
      if (options.on_try) options.on_try(recipe, without);
      const bool needed = !is_green(without);
      proof.tried.push_back(std::move(without));
      if (needed || proof.tried.size() >= options.cells_per_recipe) break;
    }
    proofs.push_back(std::move(proof));
  }
  return proofs;
}

}  // namespace vgpukit::matrix
