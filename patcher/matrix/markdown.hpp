// A result for people and for CI servers.
#pragma once

#include <optional>
#include <string>

#include "matrix/matrix_result.hpp"

namespace vgpukit::matrix {

// An earlier result to compare with, and what to call it.
struct Baseline {
  std::string name;
  MatrixResult result;
};

// GitHub's Markdown: a table with drivers down and kernels across; then what changed since the baseline, what is not
// green with its first cause, which recipes each cell needed, and how to reproduce a cell.
std::string markdown_of(const MatrixResult& result, const std::optional<Baseline>& baseline = std::nullopt);

// One HTML page that needs nothing else, neither a network nor a server. The grid, filters and search; of each cell its
// recipes with their reasons, the diff, times and sizes, the first errors with what explains them, and the command that
// reproduces it. `with_diffs` false leaves the diffs out: they quote the driver's sources, which are not everybody's to
// publish.
std::string html_of(const MatrixResult& result, const std::optional<Baseline>& baseline = std::nullopt,
                    bool with_diffs = true);

// What html_of() puts into the page, as JSON in which strings that many cells share stand once.
nlohmann::json page_data(const MatrixResult& result, const std::optional<Baseline>& baseline, bool with_diffs);

// A badge: how many of the cells that were to be green are.
std::string svg_of(const MatrixResult& result);

// JUnit's XML as CI servers read it: a suite for each driver, a test for each kernel.
std::string junit_of(const MatrixResult& result);

// "95 s", "12 min".
std::string seconds_in_words(double seconds);

}  // namespace vgpukit::matrix
