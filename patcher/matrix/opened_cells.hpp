// The drivers and kernels of a run, opened once each, and what a build of a cell needs of them. Internal to matrix/.
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
  std::string word;  // the driver's, for `vgpukit build`
  const kernel::Kernel* kernel = nullptr;
  CellRequest request;
};

class OpenedCells {
 public:
  explicit OpenedCells(const MatrixRun& run) : run_(run) {}

  // Opens what the cell needs. Nothing when that cannot be: `result` then has the verdict and the reason.
  std::optional<OpenCell> open(const Cell& cell, CellResult& result);
  // Facts about the kernel of an open cell, shared by all its cells; for one thread.
  kernel::Facts& facts(const OpenCell& cell);
  // The build of an open cell, still without its jobs.
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

// The cell's verdict where an error keeps it from being built: missing or failed.
void set_problem(CellResult& result, const Error& problem);

// "DRIVER@KERNEL": names of the matrix file have no '@'.
std::string file_name_of(const CellResult& cell);

}  // namespace vgpukit::matrix
