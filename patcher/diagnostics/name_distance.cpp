#include "diagnostics/name_distance.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "support/text.hpp"

namespace vgpukit::diagnostics {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// "del" and "delete", "irq" and "hardirq" are similar; "free" and "fred" are not.
double word_nearness(std::string_view a, std::string_view b) {
  if (a == b) return 1;
  if (a.size() > b.size()) std::swap(a, b);
  if (a.size() >= 3 && (b.starts_with(a) || b.ends_with(a))) return 0.75;
  if (a.size() >= 5 && edits_between(a, b) == 1) return 0.75;
  return 0;
}

double by_words(std::string_view a, std::string_view b) {
  const auto left = words_of(a, "_");
  auto right = words_of(b, "_");
  double common = 0;
  double all = 0;
  for (const auto word : left) all += static_cast<double>(word.size());
  for (const auto word : right) all += static_cast<double>(word.size());
  if (all == 0) return 0;
  for (const auto word : left) {
    const auto best = std::max_element(right.begin(), right.end(),
                                       [&](auto x, auto y) { return word_nearness(word, x) < word_nearness(word, y); });
    if (best == right.end()) break;
    const double near = word_nearness(word, *best);
    if (near == 0) continue;
    common += near * static_cast<double>(word.size() + best->size());
    right.erase(best);
  }
  return common / all;
}

}  // namespace

double nearness(std::string_view first, std::string_view second) {
  const std::string a = lower(first);
  const std::string b = lower(second);
  if (a.empty() || b.empty()) return 0;
  const double letters =
      1 - static_cast<double>(edits_between(a, b)) / static_cast<double>(std::max(a.size(), b.size()));
  // For names of several words, letters have less weight: "dt_debug" is not near "drm_debug".
  const bool one_word = words_of(a, "_").size() == 1 && words_of(b, "_").size() == 1;
  return one_word ? letters : std::max(by_words(a, b), letters * 0.8);
}

}  // namespace vgpukit::diagnostics
