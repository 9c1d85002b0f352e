#include "matrix/result_changes.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "support/text.hpp"

namespace vgpukit::matrix {

namespace {

using Index = std::map<std::pair<std::string, std::string>, const CellResult*>;

Index index_of(const MatrixResult& result) {
  Index index;
  for (const auto& cell : result.cells) index[{cell.driver, cell.kernel}] = &cell;
  return index;
}

std::string difference(std::vector<std::string> was, std::vector<std::string> is) {
  std::sort(was.begin(), was.end());
  std::sort(is.begin(), is.end());
  std::vector<std::string> came, gone;
  std::set_difference(is.begin(), is.end(), was.begin(), was.end(), std::back_inserter(came));
  std::set_difference(was.begin(), was.end(), is.begin(), is.end(), std::back_inserter(gone));
  std::string text;
  for (const auto& id : came) append(text, "+ " + id);
  for (const auto& id : gone) append(text, "- " + id);
  return text;
}

std::string change_of(const CellResult& was, const CellResult& is) {
  if (was.verdict != is.verdict) return "was " + word_of(was.verdict) + ", is " + word_of(is.verdict);
  if (!is_green(is))
    return was.reason == is.reason ? ""
                                   : "still " + word_of(is.verdict) + ", for another reason; it was: " + was.reason;
  const auto recipes = difference(was.recipes, is.recipes);
  return recipes.empty() ? "" : "recipes: " + recipes;
}

}  // namespace

std::vector<CellChange> changes_since(const MatrixResult& baseline, const MatrixResult& now) {
  std::vector<CellChange> changes;
  const auto before = index_of(baseline);
  for (const auto& cell : now.cells) {
    const auto was = before.find({cell.driver, cell.kernel});
    if (was == before.end()) {
      changes.push_back({cell.driver, cell.kernel, false, "new: " + word_of(cell.verdict)});
      continue;
    }
    if (auto text = change_of(*was->second, cell); !text.empty())
      changes.push_back({cell.driver, cell.kernel, false, std::move(text)});
  }
  const auto after = index_of(now);
  for (const auto& cell : baseline.cells)
    if (!after.contains({cell.driver, cell.kernel}))
      changes.push_back({cell.driver, cell.kernel, true, "no longer there; it was " + word_of(cell.verdict)});
  return changes;
}

}  // namespace vgpukit::matrix
