// Loads what a cell's build made, where the matrix file names a program for it. Internal to matrix/.
#pragma once

#include "matrix/cell_build.hpp"

namespace vgpukit::matrix {

// The program's command line for modules in `folder`: `loads: [PROGRAM, ARGS]` and then the folder, the release and the
// root.
std::vector<std::string> load_words(const CellBuild& what, const std::string& folder);

// Runs it on the modules in what.output, and removes that folder. Its status 0 makes the verdict "loads"; 3 (what it
// needs is not on this machine) leaves "verified", with the reason; every other one, a signal and the end of the cell's
// deadline are "failed". What it prints ends the cell's log. Error: "interrupted" only.
Status load_cell(const CellBuild& what, CellResult& result);

}  // namespace vgpukit::matrix
