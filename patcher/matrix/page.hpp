// A result as an HTML page.
#pragma once

#include "matrix/result_changes.hpp"

namespace vgpukit::matrix {

// One HTML page without references to other files or servers: the grid, filters and search; for each cell its recipes
// with their reasons, the diff, times and sizes, the first errors with their explanations, and the command that
// reproduces it. `with_diffs` false leaves out the diffs: they quote the driver's sources, which may not be published.
std::string html_of(const MatrixResult& result, const std::optional<Baseline>& baseline = std::nullopt,
                    bool with_diffs = true);

// The data of the page. Strings that many cells share are stored once.
nlohmann::json page_data(const MatrixResult& result, const std::optional<Baseline>& baseline, bool with_diffs);

}  // namespace vgpukit::matrix
