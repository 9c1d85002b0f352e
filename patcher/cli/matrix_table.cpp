#include "cli/matrix_table.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "matrix/markdown.hpp"
#include "support/log.hpp"

namespace vgpukit::cli {

namespace {

// Columns on the screen: UTF-8 characters, not bytes.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string coloured(const std::string& words, const Style& style) {
  using matrix::Verdict;
  const auto begins = [&](Verdict verdict) { return words.starts_with(matrix::info_of(verdict).symbol); };
  for (const auto green : {Verdict::works, Verdict::loads, Verdict::verified, Verdict::compiled})
    if (begins(green)) return style.green(words);
  if (begins(Verdict::failed)) return style.red(words);
  if (begins(Verdict::missing) || begins(Verdict::consent)) return style.yellow(words);
  return style.dim(words);
}

template <class T>
void add_once(std::vector<T>& list, const T& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

}  // namespace

std::string cell_words(const matrix::CellResult& cell) {
  const auto& verdict = matrix::info_of(cell.verdict);
  const std::string text = std::string(verdict.symbol) + " " + verdict.word;
  if (cell.unchanged) return text + " before";
  return verdict.tried ? text + " " + matrix::seconds_in_words(cell.seconds) : text;
}

std::string table_text(const std::vector<std::string>& drivers, const std::vector<std::string>& kernels,
                       const std::map<std::pair<std::string, std::string>, std::string>& words, const Style& style) {
  const auto word = [&](const std::string& driver, const std::string& kernel) {
    const auto found = words.find({driver, kernel});
    return found == words.end() ? std::string() : found->second;
  };
  std::size_t first = 0;
  for (const auto& driver : drivers) first = std::max(first, driver.size());
  std::string text(first, ' ');
  std::vector<std::size_t> widths;
  for (const auto& kernel : kernels) {
    std::size_t width = kernel.size();
    for (const auto& driver : drivers) width = std::max(width, width_of(word(driver, kernel)));
    widths.push_back(width);
    text += "  " + style.bold(kernel) + std::string(width - kernel.size(), ' ');
  }
  text += "\n";
  for (const auto& driver : drivers) {
    text += style.bold(driver) + std::string(first - driver.size(), ' ');
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      const auto here = word(driver, kernels[i]);
      text += "  " + coloured(here, style) + std::string(widths[i] - width_of(here), ' ');
    }
    text += "\n";
  }
  return text;
}

MatrixTable::MatrixTable(const matrix::Grid& grid, bool terminal, const Style& style)
    : grid_(grid), in_place_(terminal), style_(style) {
  for (const auto& cell : grid.cells) {
    add_once(drivers_, grid.driver(cell).name);
    add_once(kernels_, grid.column(cell).name);
    words_[{grid.driver(cell).name, grid.column(cell).name}] = "  waiting";
  }
  winsize size{};
  if (in_place_ && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0) {
    const auto text = table_text(drivers_, kernels_, words_, {});
    // A cell's words grow while it runs.
    const auto width = width_of(text.substr(0, text.find('\n'))) + kernels_.size() * 8;
    in_place_ = drivers_.size() + 2 < size.ws_row && width < size.ws_col;
  }
}

void MatrixTable::update(const matrix::Cell& cell, const matrix::CellResult* result) {
  const auto& driver = grid_.driver(cell).name;
  const auto& kernel = grid_.column(cell).name;
  auto& words = words_[{driver, kernel}];
  words = result ? cell_words(*result) : "▸ building";
  if (result) ++done_;
  if (in_place_) {
    clear();
    draw();
  } else if (result) {
    log::info("[" + std::to_string(done_) + "/" + std::to_string(words_.size()) + "] " + driver + " on " + kernel +
              ": " + words);
  }
}

void MatrixTable::draw() {
  const auto text = table_text(drivers_, kernels_, words_, style_);
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
  lines_ = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

void MatrixTable::clear() {
  if (lines_ == 0) return;
  std::fprintf(stderr, "\033[%zuA\r\033[J", lines_);
  std::fflush(stderr);
  lines_ = 0;
}

}  // namespace vgpukit::cli
