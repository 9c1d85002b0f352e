// A result as Markdown.
#pragma once

#include "matrix/result_changes.hpp"

namespace vgpukit::matrix {

// GitHub's Markdown: a table with drivers down and kernels across; then the changes since the baseline, the cells that
// are not green with their first cause, the recipes of each cell, and how to reproduce a cell.
std::string markdown_of(const MatrixResult& result, const std::optional<Baseline>& baseline = std::nullopt);

// "95 s", "12 min".
std::string seconds_in_words(double seconds);

}  // namespace vgpukit::matrix
