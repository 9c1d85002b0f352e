#include "matrix/schedule.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>

#include "support/atomic_file.hpp"

namespace vgpukit::matrix {

Estimate estimate_from(const Grid& grid, const std::vector<CellResult>& earlier) {
  std::map<std::pair<std::string, std::string>, double> of_cell;
  std::map<std::string, double> of_driver;
  for (const auto& cell : earlier) {
    // No duration: the cell was not built.
    if (cell.seconds <= 0) continue;
    of_cell[{cell.driver, cell.kernel}] = cell.seconds;
    auto& longest = of_driver[cell.driver];
    longest = std::max(longest, cell.seconds);
  }
  return [&grid, of_cell = std::move(of_cell),
          of_driver = std::move(of_driver)](const Cell& cell) -> std::optional<double> {
    const auto& driver = grid.driver(cell).name;
    if (const auto own = of_cell.find({driver, grid.column(cell).name}); own != of_cell.end()) return own->second;
    if (const auto any = of_driver.find(driver); any != of_driver.end()) return any->second;
    return std::nullopt;
  };
}

std::vector<Cell> longest_first(std::vector<Cell> cells, const Estimate& estimate) {
  std::vector<std::pair<double, Cell>> known;
  known.reserve(cells.size());
  for (const auto& cell : cells)
    known.emplace_back(estimate(cell).value_or(std::numeric_limits<double>::infinity()), cell);
  std::stable_sort(known.begin(), known.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::transform(known.begin(), known.end(), cells.begin(), [](const auto& each) { return each.second; });
  return cells;
}

unsigned jobs_for_memory(const HostPaths& host) {
  const auto text = read_file(host.in_root("/proc/meminfo"));
  constexpr std::string_view label = "MemAvailable:";
  const auto at = text ? text->find(label) : std::string::npos;
  if (at == std::string::npos) return std::numeric_limits<unsigned>::max();
  const auto digits = text->find_first_of("0123456789", at);
  std::uint64_t kilobytes = 0;
  if (digits == std::string::npos ||
      std::from_chars(text->data() + digits, text->data() + text->size(), kilobytes).ec != std::errc())
    return std::numeric_limits<unsigned>::max();
  return static_cast<unsigned>(std::max<std::uint64_t>(1, kilobytes * 1024 / memory_per_job));
}

WorkQueue::WorkQueue(std::vector<Cell> cells, unsigned jobs)
    : cells_(cells.rbegin(), cells.rend()),
      workers_(static_cast<unsigned>(std::min<std::size_t>(std::max(jobs, 1U), cells_.size()))),
      idle_(workers_),
      free_(std::max(jobs, 1U)) {}

std::optional<WorkQueue::Work> WorkQueue::take() {
  const std::lock_guard lock(mutex_);
  if (cells_.empty() || idle_ == 0) return std::nullopt;
  Work work;
  work.cell = cells_.back();
  work.jobs = free_ / static_cast<unsigned>(std::min<std::size_t>(cells_.size(), idle_));
  cells_.pop_back();
  free_ -= work.jobs;
  --idle_;
  return work;
}

void WorkQueue::done(const Work& work) {
  const std::lock_guard lock(mutex_);
  free_ += work.jobs;
  ++idle_;
}

}  // namespace vgpukit::matrix
