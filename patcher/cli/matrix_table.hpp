// The cells of a matrix as a table on a terminal: what is done, what is at work, what waits. Redrawn in place while a
// run goes on; where stderr is no terminal, or the table is larger than it, a line for each cell that is done.
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

// Drivers down, kernels across, a symbol and a word in each cell. `words` gives what stands in a cell; empty: not part
// of this run.
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
