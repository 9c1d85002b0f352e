#include "matrix/opened_cells.hpp"

#include "driver/driver_store.hpp"

namespace vgpukit::matrix {

namespace {

void skip_or_fail(CellResult& result, const Error& problem, const std::string& skipped) {
  if (skipped.empty()) {
    set_problem(result, problem);
    return;
  }
  result.verdict = Verdict::skipped;
  result.reason = skipped;
}

}  // namespace

void set_problem(CellResult& result, const Error& problem) {
  const bool of_machine =
      problem.kind == ErrorKind::missing || problem.kind == ErrorKind::denied || problem.kind == ErrorKind::no_space;
  result.verdict = of_machine ? Verdict::missing : Verdict::failed;
  result.reason = "cannot " + problem.tried + ": " + problem.why;
  result.hint = problem.next;
}

std::string file_name_of(const CellResult& cell) {
  return cell.driver + "@" + cell.kernel;
}

const OpenedCells::OpenDriver& OpenedCells::driver(std::size_t row) {
  const auto [found, fresh] = drivers_.try_emplace(row);
  auto& open = found->second;
  if (!fresh) return open;
  auto word = driver_path(run_.grid->file->drivers[row], run_.machine);
  if (!word) {
    open.problem = word.error();
    return open;
  }
  open.word = *word;
  auto driver = driver::find_driver(run_.machine, open.word);
  if (driver)
    open.driver = std::move(*driver);
  else
    open.problem = driver.error();
  return open;
}

const Result<kernel::Kernel>& OpenedCells::kernel(std::size_t column, bool any_compiler) {
  const std::pair key(column, any_compiler);
  auto found = kernels_.find(key);
  if (found == kernels_.end()) {
    const auto& of = run_.grid->columns[column];
    auto opened =
        of.problem ? Result<kernel::Kernel>(*of.problem) : kernel::open_kernel(of.host, of.release, any_compiler);
    if (!opened && !of.problem && !of.image.empty())
      opened = image_error(opened.error(), of.host.root, of.entry->container);
    found = kernels_.emplace(key, std::move(opened)).first;
  }
  return found->second;
}

std::optional<OpenCell> OpenedCells::open(const Cell& cell, CellResult& result) {
  const auto& grid = *run_.grid;
  const auto& entry = grid.driver(cell);
  const auto& column = grid.column(cell);
  result.driver = entry.name;
  result.kernel = column.name;
  if (auto reason = grid.file->why_unsupported(entry.name, column.entry->name); !reason.empty()) {
    result.verdict = Verdict::unsupported;
    result.reason = std::move(reason);
    return std::nullopt;
  }
  OpenCell open;
  open.request.accepted = run_.accepted;
  open.request.accepted.insert(entry.accept.begin(), entry.accept.end());
  open.request.accepted.insert(column.entry->accept.begin(), column.entry->accept.end());
  const auto& of_kernel = kernel(cell.column, open.request.accepted.contains("other-compiler"));
  if (!of_kernel) {
    skip_or_fail(result, of_kernel.error(), column.skipped);
    return std::nullopt;
  }
  const auto& of_driver = driver(cell.row);
  if (of_driver.problem) {
    const bool absent = of_driver.word.empty() && of_driver.problem->kind == ErrorKind::missing;
    skip_or_fail(
        result, *of_driver.problem,
        absent && !entry.source.optional.empty() ? entry.source.optional + " (" + of_driver.problem->why + ")" : "");
    return std::nullopt;
  }
  open.driver = &*of_driver.driver;
  open.word = of_driver.word;
  open.kernel = &*of_kernel;
  open.request.driver = open.driver;
  open.request.catalogue = run_.catalogue;
  open.request.modules = entry.modules;
  open.request.compile_only = entry.compile_only;
  open.request.loads = entry.loads;
  open.request.loaded = entry.loaded;
  open.request.image = column.image;
  return open;
}

kernel::Facts& OpenedCells::facts(const OpenCell& cell) {
  auto& facts = facts_[cell.kernel];
  if (!facts) facts = std::make_unique<kernel::Facts>(*cell.kernel, run_.assumptions);
  return *facts;
}

CellBuild OpenedCells::build_of(const Cell& cell, const OpenCell& open, const std::string& file_name) const {
  CellBuild build;
  build.program = run_.program;
  build.driver_word = open.word;
  build.request = &open.request;
  build.host = open.kernel->host;
  build.release = open.kernel->release;
  build.options = run_.options;
  build.environment = run_.environment;
  build.adapt = run_.grid->column(cell).entry->adapt;
  build.deadline = run_.grid->driver(cell).deadline.value_or(run_.grid->file->deadline);
  build.log = run_.folder / "cells" / (file_name + ".log");
  build.output = run_.folder / "built" / file_name;
  return build;
}

}  // namespace vgpukit::matrix
