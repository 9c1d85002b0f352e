// Builds many drivers for many kernels, each combination (cell) in a process of its own. This file is the entry to the
// folder matrix/, which may use support, kernel, driver, transform, recipe and history. It runs `vgpukit build` and
// reads its JSON, so it does not use build/.
//
// matrix_file reads the matrix file; grid and container_images find its kernels and drivers; opened_cells, cell_inputs,
// schedule, cell_build, cell_load and cell_adapt run the cells; matrix_result stores the results; markdown, page,
// junit, badge and result_changes report them; emit writes jobs for CI servers; prove finds recipes that are not
// needed.
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
  // The same for `vgpukit build`, as words: --recipes, --without, --assume.
  std::vector<std::string> options;
  std::string program = "/proc/self/exe";          // the vgpukit that builds
  std::map<std::string, std::string> environment;  // for the file's `loads` programs: program_environment()
  fs::path folder;                                 // results and logs of all runs; one run at a time
  unsigned jobs = 1;                               // compilers at once, of all cells together
  bool fresh = false;                              // use no results of earlier runs
  // A cell begins (nullptr) or has a result. Called from any thread, one call at a time.
  std::function<void(const Cell& cell, const CellResult* result)> on_cell;
  std::function<void(std::string_view text)> on_step;  // "waiting for another run"
};

// STATE/matrix/NAME-HASH, with a hash of the file's path.
fs::path default_folder(const HostPaths& machine, const fs::path& file);

// Runs the grid's cells. Uses the result in `folder` of a green cell whose inputs are the same, and all results of the
// same run before it was interrupted. Missing inputs, failures, crashes and exceeded deadlines are results. Errors:
// missing if `folder` cannot be written; interrupted: the finished results are in `folder`.
Result<MatrixResult> run_matrix(const MatrixRun& run);

}  // namespace vgpukit::matrix
