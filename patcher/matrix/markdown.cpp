#include "matrix/markdown.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "support/text.hpp"

namespace vgpukit::matrix {

namespace {

// Escapes text for Markdown and HTML, and makes it one line.
std::string cell_text(const std::string& text) {
  std::string plain;
  for (const char c : text) {
    if (c == '\n' || c == '\r')
      plain += ' ';
    else if (c == '<')
      plain += "&lt;";
    else if (std::string_view("|*_`[]\\").find(c) != std::string_view::npos)
      plain += std::string("\\") + c;
    else
      plain += c;
  }
  return plain;
}

std::string in_table(const CellResult* cell) {
  if (!cell) return "";
  const auto& verdict = info_of(cell->verdict);
  std::string text = std::string(verdict.symbol) + " " + verdict.word;
  if (!verdict.tried) return text;
  if (!cell->recipes.empty())
    text += ", " + std::to_string(cell->recipes.size()) + (cell->recipes.size() == 1 ? " recipe" : " recipes");
  return text + ", " + seconds_in_words(cell->seconds);
}

// What a name of the matrix file means according to the builds: the driver's version, the kernel's release.
std::string meaning(const MatrixResult& result, std::string CellResult::*name, const std::string& is,
                    const nlohmann::json::json_pointer& member) {
  for (const auto& cell : result.cells)
    if (cell.*name == is && cell.build.is_object() && cell.build.contains(member) && cell.build.at(member).is_string())
      if (const auto text = cell.build.at(member).get<std::string>(); text != is) return "<br>" + cell_text(text);
  return "";
}

std::string changes(const MatrixResult& result, const Baseline& baseline) {
  std::string text = "\n## What changed since " + cell_text(baseline.name) + "\n\n";
  const auto all = changes_since(baseline.result, result);
  for (const auto& change : all)
    text +=
        "- **" + cell_text(change.driver) + " on " + cell_text(change.kernel) + "**: " + cell_text(change.text) + "\n";
  return text + (all.empty() ? "Nothing.\n" : "");
}

std::string not_green(const MatrixResult& result) {
  std::string text;
  for (const auto& cell : result.cells) {
    if (is_green(cell)) continue;
    text += "- **" + cell_text(cell.driver) + " on " + cell_text(cell.kernel) + "**: " + word_of(cell.verdict);
    if (!cell.reason.empty()) text += ": " + cell_text(cell.reason);
    if (!cell.hint.empty()) text += ". " + cell_text(cell.hint);
    text += "\n";
  }
  return text.empty() ? "" : "\n## What is not green\n\n" + text;
}

// A green cell has a reason if it could not be loaded.
std::string not_loaded(const MatrixResult& result) {
  std::string text;
  for (const auto& cell : result.cells)
    if (is_green(cell) && !cell.reason.empty())
      text +=
          "- **" + cell_text(cell.driver) + " on " + cell_text(cell.kernel) + "**: " + cell_text(cell.reason) + "\n";
  return text.empty() ? "" : "\n## What was not loaded\n\n" + text;
}

std::string contradictions(const MatrixResult& result) {
  std::string text;
  for (const auto& one : result.contradictions)
    text += "- **" + cell_text(one.driver) + " on " + cell_text(one.kernel) + "**: " + word_of(one.verdict_one) +
            " in " + cell_text(one.one) + ", " + word_of(one.verdict_other) + " in " + cell_text(one.other) + "\n";
  return text.empty()
             ? ""
             : "\n## Results that contradict each other\n\nThe same inputs gave different verdicts.\n\n" + text;
}

// Warnings of modpost, of the verification and about the compiler, for modules that were built. Warnings of the
// compiler are left out. The undefined symbols of a `compiled` cell's missing binary object are one entry.
std::string warnings(const MatrixResult& result) {
  std::map<std::string, std::vector<std::string>> where;  // message -> cells
  for (const auto& cell : result.cells) {
    if (!is_green(cell) || !cell.build.is_object()) continue;
    const auto list = cell.build.find("warnings");
    if (list == cell.build.end() || !list->is_array()) continue;
    for (const auto& warning : *list) {
      if (!warning.is_object()) continue;
      const auto tool = warning.value("tool", nlohmann::json());
      const auto message = warning.value("message", nlohmann::json());
      if (!message.is_string() || (tool != "modpost" && tool != "verify" && tool != "compiler")) continue;
      const auto said = message.get<std::string>();
      const bool tolerated = cell.verdict == Verdict::compiled && tool == "modpost" &&
                             (said.ends_with("] undefined!") || said.starts_with("suppressed "));
      const std::string name = cell.driver + " on " + cell.kernel;
      auto& cells =
          where[tolerated ? "modpost: symbols of the binary object that the package lacks are undefined, and no others"
                          : tool.get<std::string>() + ": " + said];
      if (cells.empty() || cells.back() != name) cells.push_back(name);
    }
  }
  std::string text;
  for (const auto& [message, cells] : where)
    text += "- " + cell_text(message) + " (" + cell_text(join(cells, ", ")) + ")\n";
  return text.empty() ? "" : "\n## Warnings about modules that were built\n\n" + text;
}

// The cells in which each recipe was applied: one row for each recipe and driver.
std::string recipes(const MatrixResult& result) {
  std::map<std::string, std::map<std::string, std::string>> where;
  for (const auto& cell : result.cells)
    for (const auto& recipe : cell.recipes) append(where[recipe][cell.driver], cell.kernel);
  if (where.empty()) return "";
  std::string text = "\n## Recipes that were applied\n\n| recipe | driver | kernels |\n|---|---|---|\n";
  for (const auto& [recipe, drivers] : where)
    for (const auto& [driver, kernels] : drivers)
      text += "| " + cell_text(recipe) + " | " + cell_text(driver) + " | " + cell_text(kernels) + " |\n";
  return text;
}

std::string how_to_reproduce(const MatrixResult& result) {
  const auto run = std::find_if(result.cells.begin(), result.cells.end(),
                                [](const CellResult& cell) { return !cell.command.empty(); });
  if (run == result.cells.end()) return "";
  return "\n## To reproduce a cell\n\n`vgpukit matrix run " + result.file +
         " --only 'DRIVER on KERNEL'` runs one again; each has its own command in the JSON result (`command`). " +
         run->driver + " on " + run->kernel + ", for example:\n\n    " + run->command + "\n";
}

}  // namespace

std::string seconds_in_words(double seconds) {
  if (seconds < 600) return std::to_string(std::lround(seconds)) + " s";
  return std::to_string(std::lround(seconds / 60)) + " min";
}

std::string markdown_of(const MatrixResult& result, const std::optional<Baseline>& baseline) {
  const auto kernels = result.kernels();
  std::string text = "| |";
  std::string line = "\n|---|";
  for (const auto& kernel : kernels) {
    text += " " + cell_text(kernel) +
            meaning(result, &CellResult::kernel, kernel, nlohmann::json::json_pointer("/kernel/release")) + " |";
    line += "---|";
  }
  text += line + "\n";
  std::map<std::pair<std::string, std::string>, const CellResult*> cells;
  for (const auto& cell : result.cells) cells[{cell.driver, cell.kernel}] = &cell;
  for (const auto& driver : result.drivers()) {
    text += "| **" + cell_text(driver) + "**" +
            meaning(result, &CellResult::driver, driver, nlohmann::json::json_pointer("/driver/version")) + " |";
    for (const auto& kernel : kernels) {
      const auto cell = cells.find({driver, kernel});
      text += " " + in_table(cell == cells.end() ? nullptr : cell->second) + " |";
    }
    text += "\n";
  }
  std::map<Verdict, int> counts;
  for (const auto& cell : result.cells) ++counts[cell.verdict];
  std::string total;
  for (const auto& [verdict, count] : counts) append(total, std::to_string(count) + " " + word_of(verdict));
  text += "\n" + std::to_string(result.cells.size()) + (result.cells.size() == 1 ? " cell: " : " cells: ") + total +
          " (vgpukit " + result.vgpukit + ").\n";
  if (baseline) text += changes(result, *baseline);
  return text + not_green(result) + not_loaded(result) + contradictions(result) + warnings(result) + recipes(result) +
         how_to_reproduce(result);
}

}  // namespace vgpukit::matrix
