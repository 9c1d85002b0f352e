#include "transform/glob.hpp"

#include <string>
#include <vector>

#include "support/text.hpp"

namespace vgpukit::transform {
namespace {

constexpr std::size_t most_alternatives = 4096;  // bounds the time for a pattern with many braces

// "a{b,c}d" -> "abd", "acd". A brace without a partner is a plain character.
void expand(const std::string& pattern, std::size_t from, std::vector<std::string>& into) {
  const std::size_t open = pattern.find('{', from);
  if (open == std::string::npos) {
    into.push_back(pattern);
    return;
  }
  std::vector<std::size_t> cuts = {open};
  int depth = 0;
  std::size_t at = open;
  for (; at < pattern.size(); ++at) {
    if (pattern[at] == '{') ++depth;
    if (pattern[at] == ',' && depth == 1) cuts.push_back(at);
    if (pattern[at] == '}' && --depth == 0) break;
  }
  if (at >= pattern.size()) return expand(pattern, open + 1, into);
  cuts.push_back(at);
  for (std::size_t i = 0; i + 1 < cuts.size() && into.size() < most_alternatives; ++i) {
    const std::string choice = pattern.substr(cuts[i] + 1, cuts[i + 1] - cuts[i] - 1);
    expand(pattern.substr(0, open) + choice + pattern.substr(at + 1), open, into);
  }
}

// reach[i]: whether the pattern so far matches the first i characters of the path. The time is at most the product of
// the lengths.
bool matches(std::string_view pattern, std::string_view path) {
  std::vector<char> reach(path.size() + 1, 0);
  reach[0] = 1;
  for (std::size_t p = 0; p < pattern.size(); ++p) {
    std::vector<char> next(path.size() + 1, 0);
    if (pattern.substr(p, 3) == "**/") {
      for (std::size_t i = 0, open = 0; i <= path.size(); ++i) {
        if (reach[i] != 0) next[i] = 1, open = 1;
        if (open != 0 && i > 0 && path[i - 1] == '/') next[i] = 1;
      }
      p += 2;
    } else if (pattern.substr(p) == "**") {
      for (std::size_t i = 0; i < path.size(); ++i)
        if (reach[i] != 0) return true;
      return reach[path.size()] != 0;
    } else if (pattern[p] == '*') {
      for (std::size_t i = 0; i <= path.size(); ++i)
        next[i] = reach[i] != 0 || (i > 0 && next[i - 1] != 0 && path[i - 1] != '/') ? 1 : 0;
    } else {
      for (std::size_t i = 0; i < path.size(); ++i)
        if (reach[i] != 0 && (pattern[p] == path[i] || (pattern[p] == '?' && path[i] != '/'))) next[i + 1] = 1;
    }
    reach = std::move(next);
  }
  return reach[path.size()] != 0;
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view path) {
  if (pattern.starts_with("./")) pattern.remove_prefix(2);
  if (!contains(pattern, "{")) return matches(pattern, path);
  std::vector<std::string> alternatives;
  expand(std::string(pattern), 0, alternatives);
  for (const std::string& alternative : alternatives)
    if (matches(alternative, path)) return true;
  return false;
}

}  // namespace vgpukit::transform
