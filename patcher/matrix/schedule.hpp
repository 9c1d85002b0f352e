// Chooses the next cell and its number of compilers. All cells together use at most the number of jobs of the run.
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

// The expected duration of a cell in seconds; nothing if it is not known.
using Estimate = std::function<std::optional<double>(const Cell& cell)>;

// From earlier results: the duration of the cell itself, otherwise the longest of its driver.
Estimate estimate_from(const Grid& grid, const std::vector<CellResult>& earlier);

// Unknown durations first, then the longest, so that no long cell runs alone at the end; otherwise in the order of the
// grid.
std::vector<Cell> longest_first(std::vector<Cell> cells, const Estimate& estimate);

// The number of jobs for the available memory, at least 1. A compiler run uses up to memory_per_job.
constexpr std::uint64_t memory_per_job = std::uint64_t{768} << 20;
unsigned jobs_for_memory(const HostPaths& host);

// The remaining cells, for several workers. Thread-safe.
class WorkQueue {
 public:
  struct Work {
    Cell cell;
    unsigned jobs = 1;
  };
  WorkQueue(std::vector<Cell> cells, unsigned jobs);
  // The number of workers: at most one for each job.
  [[nodiscard]] unsigned workers() const { return workers_; }
  // The next cell with its share of the free jobs: equal shares for the idle workers, or for the remaining cells if
  // these are fewer. Nothing if no cell is left.
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
