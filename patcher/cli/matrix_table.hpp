// The cells of a matrix as a table: done, building or waiting. During a run it is redrawn in place on stderr. If stderr
// is not a terminal or the table is too large for it, a line is printed for each cell that is done.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/cli.hpp"
#include "matrix/grid.hpp"
#include "matrix/matrix_result.hpp"

namespace vgpukit::cli {

// A row for each driver, a column for each kernel. `words` has the text of each cell; cells that are not part of this
// run have none.
std::string table_text(const std::vector<std::string>& drivers, const std::vector<std::string>& kernels,
                       const std::map<std::pair<std::string, std::string>, std::string>& words, const Style& style);

// "✔ verified 95 s", "✘ failed".
std::string cell_words(const matrix::CellResult& cell);

class MatrixTable {
 public:
  MatrixTable(const matrix::Grid& grid, bool terminal, const Style& style);
  MatrixTable(const MatrixTable&) = delete;
  MatrixTable& operator=(const MatrixTable&) = delete;
  ~MatrixTable() { clear(); }
  void update(const matrix::Cell& cell, const matrix::CellResult* result);
  void clear();

 private:
  void draw();

  const matrix::Grid& grid_;
  bool in_place_;
  Style style_;
  std::vector<std::string> drivers_, kernels_;
  std::map<std::pair<std::string, std::string>, std::string> words_;
  std::size_t done_ = 0;
  std::size_t lines_ = 0;  // of the table on the screen
};

}  // namespace vgpukit::cli
