// The changes from an earlier result to a later one: yesterday's and today's, main's and a branch's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "matrix/matrix_result.hpp"

namespace vgpukit::matrix {

// An earlier result to compare with, and its name.
struct Baseline {
  std::string name;
  MatrixResult result;
};

struct CellChange {
  std::string driver, kernel;
  bool gone = false;  // the later result does not have the cell
  std::string text;   // "was failed, is verified", "recipes: + 6.8-x, - 6.6-y"
};

// Cells with another verdict, another first cause or other recipes, in the order of `now`; then the cells that `now`
// does not have. The duration and the machine are not compared.
std::vector<CellChange> changes_since(const MatrixResult& baseline, const MatrixResult& now);

}  // namespace vgpukit::matrix
