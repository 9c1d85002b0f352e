#include "kernel/header_closures.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "support/text.hpp"

namespace vgpukit::kernel {

namespace {

// "#  include <x.h>" -> " <x.h>"; nothing for another line.
std::optional<std::string_view> include_of(std::string_view line) {
  const auto hash = line.find_first_not_of(" \t");
  if (hash == std::string_view::npos || line[hash] != '#') return std::nullopt;
  const auto word = line.find_first_not_of(" \t", hash + 1);
  if (word == std::string_view::npos || !line.substr(word).starts_with("include")) return std::nullopt;
  return line.substr(word + 7);
}

}  // namespace

int HeaderClosures::file(const std::string& path) {
  const auto [found, is_new] = index_.try_emplace(path, static_cast<int>(files_.size()));
  if (is_new) {
    files_.push_back(path);
    edges_.emplace_back();
  }
  return found->second;
}

void HeaderClosures::add(std::string_view preprocessed) {
  struct Edge {
    int from;
    std::string name;
  };
  std::vector<Edge> open;  // to be resolved when all files are known
  int current = -1;
  std::string pending;
  each_line(preprocessed, [&](std::string_view line) {
    // # LINE "FILE" FLAGS: flag 1 means that the file begins, 2 that it continues after an include.
    if (line.size() > 4 && line[0] == '#' && line[1] == ' ' && line[2] >= '0' && line[2] <= '9') {
      const auto quote = line.find('"');
      const auto close = line.rfind('"');
      if (quote == std::string_view::npos || close <= quote) return;
      const int entered = file(std::string(line.substr(quote + 1, close - quote - 1)));
      if (line.substr(close + 1).starts_with(" 1") && current >= 0) {
        edges_[static_cast<std::size_t>(current)].insert(entered);
        if (!pending.empty()) named_.try_emplace(pending, entered);
      }
      if (entered != current) pending.clear();  // a marker for the directive's line comes before the file's
      current = entered;
      return;
    }
    const auto directive = include_of(line);
    if (!directive) return;
    pending.clear();
    // include_next finds a file that has another name elsewhere.
    const auto begin = directive->find_first_of("<\"");
    if (begin == std::string_view::npos || directive->starts_with("_next") || current < 0) return;
    const auto end = directive->find((*directive)[begin] == '<' ? '>' : '"', begin + 1);
    if (end == std::string_view::npos) return;
    const std::string name(directive->substr(begin, end + 1 - begin));
    const auto folder = std::filesystem::path(files_[static_cast<std::size_t>(current)]).parent_path();
    pending = name.front() == '<' ? name : folder.string() + name;
    open.push_back({current, pending});
  });
  for (const auto& [from, name] : open) {
    const auto found = named_.find(name);
    int to = found == named_.end() ? -1 : found->second;
    if (const auto quote = name.find('"'); to < 0 && quote != std::string::npos) {
      const auto plain = name.substr(quote + 1, name.size() - quote - 2);
      const auto path = (std::filesystem::path(name.substr(0, quote)) / plain).lexically_normal();
      const auto known = index_.find(path.string());
      if (known != index_.end()) to = known->second;
      // A quoted name that is not beside the includer is looked up as <...>.
      const auto elsewhere = named_.find("<" + plain + ">");
      if (to < 0 && elsewhere != named_.end()) to = elsewhere->second;
    }
    // A file that was not seen gets an entry of its own, which no other name shares.
    if (to < 0) to = file(name);
    edges_[static_cast<std::size_t>(from)].insert(to);
  }
}

void HeaderClosures::reach(int from, Files& reached) const {
  std::vector<int> open = {from};
  while (!open.empty()) {
    const int at = open.back();
    open.pop_back();
    if (!reached.insert(at).second) continue;
    const auto& next = edges_[static_cast<std::size_t>(at)];
    open.insert(open.end(), next.begin(), next.end());
  }
}

std::optional<HeaderClosures::Files> HeaderClosures::of(const std::vector<std::string>& headers) const {
  Files reached;
  if (const auto always = index_.find("<command-line>"); always != index_.end()) reach(always->second, reached);
  for (const auto& header : headers) {
    const auto found = named_.find("<" + header + ">");
    if (found == named_.end()) return std::nullopt;
    reach(found->second, reached);
  }
  return reached;
}

std::vector<std::vector<std::size_t>> chains_of_closures(const std::vector<HeaderClosures::Files>& sets) {
  std::vector<std::size_t> large_first(sets.size());
  std::iota(large_first.begin(), large_first.end(), std::size_t{0});
  std::stable_sort(large_first.begin(), large_first.end(),
                   [&](std::size_t a, std::size_t b) { return sets[a].size() > sets[b].size(); });
  std::vector<std::vector<std::size_t>> chains;
  for (const std::size_t i : large_first) {
    // It goes in front of the smallest set that includes it: larger sets stay free for larger subsets.
    std::vector<std::size_t>* best = nullptr;
    for (auto& chain : chains) {
      const auto& smallest = sets[chain.back()];
      if (std::includes(smallest.begin(), smallest.end(), sets[i].begin(), sets[i].end()) &&
          (!best || smallest.size() < sets[best->back()].size()))
        best = &chain;
    }
    if (best)
      best->push_back(i);
    else
      chains.push_back({i});
  }
  for (auto& chain : chains) std::reverse(chain.begin(), chain.end());
  return chains;
}

}  // namespace vgpukit::kernel
