// What changed from one result to a later one: yesterday's and today's, main's and a branch's.
#pragma once

#include <string>
#include <vector>

#include "matrix/matrix_result.hpp"

namespace vgpukit::matrix {

struct CellChange {
  std::string driver, kernel;
  std::string was, is;  // verdicts; empty where that result does not have the cell
  std::string text;     // "was failed, is verified", "recipes: + 6.8-x, - 6.6-y"
};

// Cells with another verdict, another first cause, or other recipes applied, in the order of `now`; then those that
// `now` lacks. How long a cell took, and where it was built, are no change.
std::vector<CellChange> changes_since(const MatrixResult& baseline, const MatrixResult& now);

}  // namespace vgpukit::matrix
