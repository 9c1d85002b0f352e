// Looks for recipes for a cell that was not built: `vgpukit adapt` in a process of its own. Internal to matrix/.
#pragma once

#include "matrix/cell_build.hpp"

namespace vgpukit::matrix {

// Puts what adapt proposes into the result's build["adapt"]: result, ended, seconds, proposals with the texts of the
// recipes; or why it could not be tried. The verdict stays. Error: interrupted only.
Status adapt_cell(const CellBuild& what, CellResult& result);

}  // namespace vgpukit::matrix
