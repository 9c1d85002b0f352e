// A badge for README files: how many cells are green.
#pragma once

#include "matrix/matrix_result.hpp"

namespace vgpukit::matrix {

// SVG. Unsupported and skipped cells are not counted.
std::string svg_of(const MatrixResult& result);

}  // namespace vgpukit::matrix
