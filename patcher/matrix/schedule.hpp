// Which cell goes next, and with how many compilers: a budget of jobs is shared out among the cells, never multiplied
// by them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "matrix/grid.hpp"
#include "matrix/matrix_result.hpp"
#include "support/host_paths.hpp"

namespace vgpukit::matrix {

// The seconds that a cell is expected to take; nothing where that is not known.
using Estimate = std::function<std::optional<double>(const Cell& cell)>;

// From the results of earlier runs: of the cell itself, else the longest of its driver.
Estimate estimate_from(const Grid& grid, const std::vector<CellResult>& earlier);

// Unknown ones first, then the longest first, so that no long one is left for the end; else as in the grid.
std::vector<Cell> longest_first(std::vector<Cell> cells, const Estimate& estimate);

// Jobs that the memory which is free now has room for (a compiler of today's kernel headers takes up to
// memory_per_job), at least 1.
constexpr std::uint64_t memory_per_job = std::uint64_t{768} << 20;
unsigned jobs_for_memory(const HostPaths& host);

// The cells that are still to be run, for several workers. Thread-safe.
class WorkQueue {
 public:
  struct Work {
    Cell cell;
    unsigned jobs = 1;
  };
  WorkQueue(std::vector<Cell> cells, unsigned jobs);
  // How many workers it has work for: at most one for each job.
  [[nodiscard]] unsigned workers() const { return workers_; }
  // The next cell with its share of the jobs: where cells are left for every worker, an equal one; where there are less
  // cells than workers, theirs too. Nothing when all were handed out.
  std::optional<Work> take();
  void done(const Work& work);

 private:
  std::mutex mutex_;
  std::vector<Cell> cells_;  // the next one is the last
  unsigned workers_;
  unsigned idle_;
  unsigned free_;
};

}  // namespace vgpukit::matrix
