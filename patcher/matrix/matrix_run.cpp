#include "matrix/matrix_run.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <mutex>

#include "config.hpp"
#include "matrix/opened_cells.hpp"
#include "matrix/schedule.hpp"
#include "support/atomic_file.hpp"
#include "support/hash.hpp"
#include "support/interrupt.hpp"
#include "support/json_file.hpp"

namespace vgpukit::matrix {

namespace {

Error interrupted() {
  return {ErrorKind::interrupted, "finish the matrix", "interrupted",
          "the same command continues with the remaining cells"};
}

fs::path cell_file(const MatrixRun& run, const CellResult& cell) {
  return run.folder / "cells" / (file_name_of(cell) + ".json");
}

// The result of an earlier run; nothing if it cannot be read: the cell is then built again.
std::optional<CellResult> earlier_result(const MatrixRun& run, const CellResult& cell) {
  const auto text = read_file(cell_file(run, cell));
  if (!text) return std::nullopt;
  const auto document = parse_json(*text);
  try {
    auto earlier = document.get<CellResult>();
    if (earlier.driver == cell.driver && earlier.kernel == cell.kernel) return earlier;
  } catch (const std::exception&) {
    return std::nullopt;  // another version of vgpukit wrote it
  }
  return std::nullopt;
}

Status save(const MatrixRun& run, const CellResult& result) {
  // The output of a compiler may be invalid UTF-8.
  return write_file(cell_file(run, result), json_text(nlohmann::json(result), 1) + "\n");
}

// The name of the interrupted run, if there is one of the same kind (fresh or not); otherwise a new name. A fresh run
// continues only a fresh run, because another one may have used earlier results.
Result<std::string> run_name(const MatrixRun& run) {
  const auto file = run.folder / "run";
  const std::string kind = run.fresh ? "fresh-" : "";
  if (const auto left = read_file(file); left && !left->empty() && left->starts_with("fresh-") == run.fresh)
    return *left;
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  const auto name = kind + hash_of(std::to_string(now)).substr(0, 12);
  TRY(write_file(file, name));
  return name;
}

struct Pending {
  OpenCell open;
  CellResult result;
};

class Runner {
 public:
  Runner(const MatrixRun& run, std::string name) : run_(run), name_(std::move(name)), opened_cells_(run) {}

  Result<MatrixResult> all() {
    std::vector<Cell> left;
    std::vector<CellResult> earlier;
    for (const auto& cell : run_.grid->cells) {
      TRY_ASSIGN(auto done, without_building(cell, earlier));
      if (Interrupt::caught() != 0) return interrupted();
      if (done) {
        TRY(finish(cell, std::move(*done)));
      } else {
        left.push_back(cell);
      }
    }
    TRY(build(longest_first(std::move(left), estimate_from(*run_.grid, earlier))));
    MatrixResult result;
    result.vgpukit = VGPUKIT_VERSION;
    result.file = run_.grid->file->path.string();
    for (const auto& driver : run_.grid->file->drivers) result.driver_order.push_back(driver.name);
    for (const auto& column : run_.grid->columns) result.kernel_order.push_back(column.name);
    for (const auto& cell : run_.grid->cells) result.cells.push_back(std::move(done_.at({cell.row, cell.column})));
    return result;
  }

 private:
  using Key = std::pair<std::size_t, std::size_t>;

  // The result of the cell if it needs no build. Otherwise adds the cell to the pending ones.
  Result<std::optional<CellResult>> without_building(const Cell& cell, std::vector<CellResult>& earlier_results) {
    CellResult result;
    result.run = name_;
    auto open = opened_cells_.open(cell, result);
    if (!open) return std::optional(std::move(result));
    auto& facts = opened_cells_.facts(*open);
    auto inputs = inputs_of_cell(facts, open->request);
    if (!inputs) {
      set_problem(result, inputs.error());
      return std::optional(std::move(result));
    }
    result.inputs = *inputs;
    if (auto earlier = earlier_result(run_, result)) {
      earlier_results.push_back(*earlier);
      if (is_valid(*earlier, facts, *open, result)) {
        earlier->inputs = result.inputs;
        earlier->run = name_;
        earlier->unchanged = true;
        return std::optional(std::move(*earlier));
      }
    }
    pending_.emplace(Key(cell.row, cell.column), Pending{std::move(*open), std::move(result)});
    return std::optional<CellResult>();
  }

  // Whether the earlier result is still valid. A cell that is not green is built again, unless this run has built it
  // before an interruption.
  bool is_valid(const CellResult& earlier, kernel::Facts& facts, const OpenCell& open, const CellResult& now) {
    if (earlier.run != name_ && (run_.fresh || !is_green(earlier))) return false;
    // It may be possible to load the modules now.
    if (earlier.run != name_ && !open.request.loads.empty() && earlier.verdict != open.request.loaded) return false;
    if (earlier.inputs.empty()) return false;
    if (earlier.inputs == now.inputs) return true;
    if (earlier.tree.empty()) return false;
    const auto tree = tree_of_cell(facts, open.request);
    return tree && tree->hash == earlier.tree;
  }

  Status build(std::vector<Cell> cells) {
    WorkQueue queue(std::move(cells), std::min(run_.jobs, jobs_for_memory(run_.machine)));
    std::vector<std::future<void>> workers;
    for (unsigned i = 0; i < queue.workers(); ++i)
      workers.push_back(std::async(std::launch::async, [&] { work(queue); }));
    for (auto& worker : workers) worker.get();
    if (problem_) return *problem_;
    return {};
  }

  void work(WorkQueue& queue) {
    while (const auto next = queue.take()) {
      auto status = Status();
      try {
        status = one(*next);
      } catch (...) {  // the others go on, and build() throws it
        queue.done(*next);
        throw;
      }
      queue.done(*next);
      if (status) continue;
      const std::lock_guard lock(mutex_);
      if (!problem_) problem_ = status.error();
      return;
    }
  }

  Status one(const WorkQueue::Work& work) {
    {
      const std::lock_guard lock(mutex_);
      if (problem_) return *problem_;
      if (run_.on_cell) run_.on_cell(work.cell, nullptr);
    }
    auto& pending = pending_.at({work.cell.row, work.cell.column});
    auto what = opened_cells_.build_of(work.cell, pending.open, file_name_of(pending.result));
    what.jobs = work.jobs;
    if (!build_cell(what, pending.result)) return interrupted();
    if (pending.result.build.is_object()) {
      if (const auto& column = run_.grid->column(work.cell); !column.image.empty())
        pending.result.build["container"] = {{"image", column.entry->container}, {"id", column.image}};
      // The build has asked all questions of the plan, so the answers are cached.
      kernel::Facts facts(*pending.open.kernel, run_.assumptions);
      if (const auto tree = tree_of_cell(facts, pending.open.request)) {
        if (is_green(pending.result)) pending.result.tree = tree->hash;
        pending.result.build["diff"] = tree->diff;
      }
    }
    return finish(work.cell, std::move(pending.result));
  }

  Status finish(const Cell& cell, CellResult result) {
    const std::lock_guard lock(mutex_);
    // If the cell could not be opened, the stored result of an earlier run stays valid.
    if (!result.inputs.empty()) TRY(save(run_, result));
    auto& stored = done_[{cell.row, cell.column}] = std::move(result);
    if (run_.on_cell) run_.on_cell(cell, &stored);
    return {};
  }

  const MatrixRun& run_;
  std::string name_;
  OpenedCells opened_cells_;
  std::map<Key, Pending> pending_;  // constant while workers run; each worker changes only its own cells
  std::mutex mutex_;                // for all members below
  std::map<Key, CellResult> done_;
  std::optional<Error> problem_;
};

}  // namespace

fs::path default_folder(const HostPaths& machine, const fs::path& file) {
  return machine.state / "matrix" / (file.stem().string() + "-" + hash_of(file.string()).substr(0, 8));
}

Result<MatrixResult> run_matrix(const MatrixRun& run) {
  TRY_ASSIGN(const auto lock, FileLock::acquire(run.folder / "lock", [&] {
               if (run.on_step) run.on_step("another vgpukit is running this matrix: waiting for it");
             }));
  TRY_ASSIGN(auto name, run_name(run));
  auto result = Runner(run, std::move(name)).all();
  std::error_code ignored;
  if (result) fs::remove(run.folder / "run", ignored);
  return result;
}

}  // namespace vgpukit::matrix
