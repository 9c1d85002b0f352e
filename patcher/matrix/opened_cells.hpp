// Opens each driver and kernel of a run once, and prepares the builds of cells. Internal to matrix/.
#pragma once

#include <map>
#include <memory>
#include <utility>

#include "kernel/facts.hpp"
#include "matrix/cell_build.hpp"
#include "matrix/matrix_run.hpp"

namespace vgpukit::matrix {

struct OpenCell {
  const driver::Driver* driver = nullptr;
  std::string word;  // the DRIVER argument of `vgpukit build`
  const kernel::Kernel* kernel = nullptr;
  CellRequest request;
};

class OpenedCells {
 public:
  explicit OpenedCells(const MatrixRun& run) : run_(run) {}

  // Opens the driver and the kernel of the cell. Nothing if that fails: `result` then has the verdict and the reason.
  std::optional<OpenCell> open(const Cell& cell, CellResult& result);
  // Facts about the kernel of an open cell. All cells of the kernel share them. Not thread-safe.
  kernel::Facts& facts(const OpenCell& cell);
  // The build of an open cell. `jobs` is not set.
  [[nodiscard]] CellBuild build_of(const Cell& cell, const OpenCell& open, const std::string& file_name) const;

 private:
  struct OpenDriver {
    std::string word;
    std::optional<driver::Driver> driver;
    std::optional<Error> problem;
  };
  const OpenDriver& driver(std::size_t row);
  const Result<kernel::Kernel>& kernel(std::size_t column, bool any_compiler);

  const MatrixRun& run_;
  std::map<std::size_t, OpenDriver> drivers_;
  std::map<std::pair<std::size_t, bool>, Result<kernel::Kernel>> kernels_;
  std::map<const kernel::Kernel*, std::unique_ptr<kernel::Facts>> facts_;
};

// Sets verdict (missing or failed), reason and hint for an error before the build.
void set_problem(CellResult& result, const Error& problem);

// "DRIVER@KERNEL": names in the matrix file contain no '@'.
std::string file_name_of(const CellResult& cell);

}  // namespace vgpukit::matrix
