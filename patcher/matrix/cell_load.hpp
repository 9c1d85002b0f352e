// Loads the modules of a cell with the program that the matrix file names. Internal to matrix/.
#pragma once

#include "matrix/cell_build.hpp"

namespace vgpukit::matrix {

// The program's command line for modules in `folder`: `loads: [PROGRAM, ARGS]` and then the folder, the release and the
// root.
std::vector<std::string> load_words(const CellBuild& what, const std::string& folder);

// Runs the program on the modules in what.output, then removes that folder. Status 0 gives the verdict `loads` or
// `works`; 3 (the machine lacks what the program needs) leaves `verified`, with the reason; another status, a signal or
// an exceeded deadline gives `failed`. Appends the program's output to the cell's log. Error: interrupted only.
Status load_cell(const CellBuild& what, CellResult& result);

}  // namespace vgpukit::matrix
