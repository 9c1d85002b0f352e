#include "matrix/schedule.hpp"

#include "matrix/matrix_fixtures.hpp"

namespace vgpukit::matrix {
namespace {

std::vector<Cell> row_of_cells(std::size_t count) {
  std::vector<Cell> cells;
  for (std::size_t i = 0; i < count; ++i) cells.push_back({0, i});
  return cells;
}

// The jobs of the first cells, before any cell is done.
std::vector<unsigned> shares(std::size_t cells, unsigned jobs) {
  WorkQueue queue(row_of_cells(cells), jobs);
  std::vector<unsigned> all;
  for (unsigned i = 0; i < queue.workers(); ++i)
    if (const auto work = queue.take()) all.push_back(work->jobs);
  return all;
}

TEST(WorkQueue, SharesTheJobsOut) {
  EXPECT_EQ(shares(50, 8), std::vector<unsigned>(8, 1));
  EXPECT_EQ(shares(3, 8), (std::vector<unsigned>{2, 3, 3}));
  EXPECT_EQ(shares(1, 8), std::vector<unsigned>{8});
  EXPECT_EQ(shares(5, 1), std::vector<unsigned>{1});
  EXPECT_EQ(shares(2, 0), std::vector<unsigned>{1});
  EXPECT_EQ(shares(0, 4), std::vector<unsigned>{});
}

TEST(WorkQueue, TheLastCellsGetWhatTheOthersNoLongerNeed) {
  WorkQueue queue(row_of_cells(3), 2);
  const auto first = queue.take();
  const auto second = queue.take();
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(queue.take()) << "no job is left";
  queue.done(*first);
  queue.done(*second);
  EXPECT_EQ(queue.take()->jobs, 2U);
}

TEST(WorkQueue, NeverHandsOutMoreThanThereIs) {
  for (const unsigned jobs : {1U, 3U, 8U, 13U})
    for (const std::size_t count : {std::size_t{1}, std::size_t{5}, std::size_t{20}}) {
      WorkQueue queue(row_of_cells(count), jobs);
      std::vector<WorkQueue::Work> running;
      std::vector<std::size_t> order;
      const auto take = [&] {
        while (running.size() < queue.workers()) {
          const auto work = queue.take();
          if (!work) return;
          EXPECT_GE(work->jobs, 1U);
          running.push_back(*work);
          order.push_back(work->cell.column);
          unsigned sum = 0;
          for (const auto& each : running) sum += each.jobs;
          EXPECT_LE(sum, jobs);
        }
      };
      for (take(); !running.empty(); take()) {
        queue.done(running.front());
        running.erase(running.begin());
      }
      ASSERT_EQ(order.size(), count);
      EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
    }
}

TEST(LongestFirst, UnknownThenLongThenAsWritten) {
  const test::TempFolder folder;
  const auto file = test::matrix_of(
      "drivers: [reference, 535, 550]\nkernels:\n  - {name: a, kernel: '6.1'}\n  - {name: b, kernel: '6.2'}\n",
      folder.path());
  HostPaths host;
  host.root = folder.path();
  const auto grid = make_grid(file, host).value();
  const auto timed = [](const char* driver, const char* kernel, double seconds) {
    auto cell = test::cell(driver, kernel, Verdict::verified);
    cell.seconds = seconds;
    return cell;
  };
  // 535 on b was never built: its estimate is the time of 535 on a.
  const auto sorted = longest_first(
      grid.cells,
      estimate_from(grid, {timed("reference", "a", 20), timed("reference", "b", 25), timed("535", "a", 100)}));
  std::vector<std::string> labels;
  for (const auto& cell : sorted) labels.push_back(grid.label(cell));
  EXPECT_EQ(labels, (std::vector<std::string>{"550 on a", "550 on b", "535 on a", "535 on b", "reference on b",
                                              "reference on a"}));
}

TEST(JobsForMemory, IsWhatIsFree) {
  const test::TempFolder folder;
  HostPaths host;
  host.root = folder.path();
  EXPECT_GT(jobs_for_memory(host), 1000U);  // not known: no limit
  test::put(folder / "proc/meminfo", "MemTotal:       9999999 kB\nMemAvailable:    3145728 kB\n");
  EXPECT_EQ(jobs_for_memory(host), 4U);
  test::put(folder / "proc/meminfo", "MemAvailable:    1000 kB\n");
  EXPECT_EQ(jobs_for_memory(host), 1U);
}

}  // namespace
}  // namespace vgpukit::matrix
