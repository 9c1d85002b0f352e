#include "conftest/conftest_units.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "support/number.hpp"
#include "support/text.hpp"

namespace vgpukit::conftest {
namespace {

constexpr std::string_view marker = "vgpukit-test-";

bool disjoint(const std::set<std::string>& a, const std::set<std::string>& b) {
  return std::none_of(a.begin(), a.end(), [&](const std::string& one) { return b.contains(one); });
}

// Sets of small numbers, for fast comparisons.
using Bits = std::vector<std::uint64_t>;
constexpr std::size_t word_bits = 64;

Bits bits_of(const std::set<int>& numbers) {
  Bits bits(numbers.empty() ? 0 : static_cast<std::size_t>(*numbers.rbegin()) / word_bits + 1);
  for (const int number : numbers)
    bits[static_cast<std::size_t>(number) / word_bits] |= 1ULL << (static_cast<unsigned>(number) % word_bits);
  return bits;
}

// Whether `whole` contains `part`.
bool is_within(const Bits& part, const Bits& whole) {
  for (std::size_t i = 0; i < part.size(); ++i)
    if ((part[i] & ~(i < whole.size() ? whole[i] : 0)) != 0) return false;
  return true;
}

// The fewest chains of sets in which each set contains the one before it (Dilworth, by matching).
std::vector<std::vector<std::size_t>> chains_of(const std::vector<std::set<int>>& nodes) {
  std::vector<std::vector<std::size_t>> larger(nodes.size());
  std::vector<Bits> bits;
  for (const auto& node : nodes) bits.push_back(bits_of(node));
  for (std::size_t i = 0; i < nodes.size(); ++i)
    for (std::size_t j = 0; j < nodes.size(); ++j)
      if (nodes[i].size() < nodes[j].size() && is_within(bits[i], bits[j])) larger[i].push_back(j);
  constexpr auto none = static_cast<std::size_t>(-1);
  std::vector<std::size_t> previous(nodes.size(), none);
  std::vector<bool> seen;
  const auto augment = [&](const auto& self, std::size_t i) -> bool {
    for (const std::size_t j : larger[i]) {
      if (seen[j]) continue;
      seen[j] = true;
      if (previous[j] == none || self(self, previous[j])) {
        previous[j] = i;
        return true;
      }
    }
    return false;
  };
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    seen.assign(nodes.size(), false);
    augment(augment, i);
  }
  std::vector<bool> has_next(nodes.size(), false);
  for (const std::size_t p : previous)
    if (p != none) has_next[p] = true;
  std::vector<std::vector<std::size_t>> chains;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (has_next[i]) continue;
    std::vector<std::size_t> chain;
    for (std::size_t at = i; at != none; at = previous[at]) chain.push_back(at);
    std::reverse(chain.begin(), chain.end());
    chains.push_back(std::move(chain));
  }
  return chains;
}

}  // namespace

std::string include_probe(std::string_view preamble, const std::vector<ConftestSnippet>& snippets,
                          const std::vector<SnippetShape>& shapes) {
  std::string text(preamble);
  text += "\n";
  for (std::size_t i = 0; i < snippets.size(); ++i) {
    if (shapes[i].needs_own_unit) continue;
    text += "\"vgpukit-snippet-" + std::to_string(i) + "\"\n";
    std::string code = snippets[i].code;
    for (std::size_t at = 0; (at = code.find("\\\n", at)) != std::string::npos;) code.replace(at, 2, " ");
    std::vector<bool> known;  // for each open #if; a condition on other names contains no #include and is left out
    each_line(code, [&](std::string_view line) {
      const auto words = trimmed(line);
      if (!words.starts_with('#')) return;
      const auto directive = trimmed(words.substr(1));
      const auto open = words.find('<');
      const auto close = words.find('>');
      if (directive.starts_with("include") && open != std::string_view::npos && close != std::string_view::npos) {
        const std::string header(words.substr(open + 1, close - open - 1));
        text +=
            "\"vgpukit-include-" + header + "\"\n#if !__has_include(<" + header + ">)\n\"vgpukit-missing\"\n#endif\n";
        return;
      }
      const bool opens = directive.starts_with("if");
      if (opens)
        known.push_back(
            asks_only_known_names(directive.substr(std::min(directive.find_first_of(" \t(!"), directive.size()))));
      if (!opens && !directive.starts_with("el") && !directive.starts_with("endif")) return;
      if (!known.empty() && known.back()) text += std::string(line) + "\n";
      if (directive.starts_with("endif") && !known.empty()) known.pop_back();
    });
  }
  return text;
}

std::map<std::size_t, SnippetIncludes> read_include_probe(std::string_view preprocessed) {
  std::map<std::size_t, SnippetIncludes> found;
  SnippetIncludes* current = nullptr;
  each_line(preprocessed, [&](std::string_view line) {
    line = trimmed(line);
    if (line.size() < 2 || line.front() != '"' || line.back() != '"') return;
    line = line.substr(1, line.size() - 2);
    if (const auto number = number_after<std::size_t>("vgpukit-snippet-", line))
      current = &found[*number];
    else if (current && line.starts_with("vgpukit-include-"))
      current->headers.emplace_back(line.substr(16));
    else if (current && line == "vgpukit-missing")
      current->missing = true;
  });
  return found;
}

std::vector<ConftestUnit> plan_units(const std::vector<std::size_t>& which, const std::vector<SnippetShape>& shapes,
                                     const std::map<std::size_t, std::set<int>>& closures) {
  std::vector<ConftestUnit> units;
  std::vector<std::size_t> rest = which;
  while (!rest.empty()) {
    std::map<std::set<int>, std::vector<std::size_t>> by_closure;
    for (const std::size_t i : rest) by_closure[closures.at(i)].push_back(i);
    std::vector<std::set<int>> nodes;
    for (const auto& [closure, snippets] : by_closure) nodes.push_back(closure);
    const auto chains = chains_of(nodes);
    rest.clear();
    for (const auto& chain : chains) {
      ConftestUnit unit;
      std::set<std::string> uses;
      std::set<std::string> exclusive_names;
      for (const std::size_t node : chain) {
        for (const std::size_t i : by_closure[nodes[node]]) {
          const auto& shape = shapes[i];
          const bool too_early = shape.tentative && node != chain.back();
          if (too_early || !disjoint(shape.uses, exclusive_names) || !disjoint(shape.exclusive_names, uses)) {
            rest.push_back(i);
            continue;
          }
          unit.push_back(i);
          uses.insert(shape.uses.begin(), shape.uses.end());
          exclusive_names.insert(shape.exclusive_names.begin(), shape.exclusive_names.end());
        }
      }
      if (!unit.empty()) units.push_back(std::move(unit));
    }
  }
  return units;
}

std::vector<std::size_t> choose_prefixes(const std::map<std::size_t, std::set<int>>& closures) {
  // The unit is files that the compiler reads. A precompiled header costs about four times what reading its files
  // costs, and every set of headers is read about twice.
  constexpr std::size_t cost = 4;
  constexpr std::size_t readings = 2;
  struct Candidate {
    const std::set<int>* files;
    std::size_t at;                   // a snippet that includes these files
    std::vector<std::size_t> within;  // candidates that include all of these files, itself too
    std::size_t spared = 0;
  };
  std::vector<Candidate> sets;
  {
    std::map<std::set<int>, std::size_t> first;
    for (const auto& [i, closure] : closures)
      if (first.try_emplace(closure, i).second) sets.push_back({&closure, i, {}});
  }
  std::sort(sets.begin(), sets.end(), [](const Candidate& a, const Candidate& b) { return *a.files < *b.files; });
  std::vector<Bits> bits;
  for (const auto& one : sets) bits.push_back(bits_of(*one.files));
  for (std::size_t i = 0; i < sets.size(); ++i)
    for (std::size_t k = 0; k < sets.size(); ++k)
      if (is_within(bits[i], bits[k])) sets[i].within.push_back(k);
  std::vector<std::size_t> chosen;
  const auto gain_at = [&](std::size_t set, std::size_t size) { return size - std::min(size, sets[set].spared); };
  for (;;) {
    Candidate* best = nullptr;
    std::size_t most = 0;
    for (auto& one : sets) {
      const auto size = one.files->size();
      std::size_t gain = 0;
      for (const std::size_t set : one.within) gain += readings * gain_at(set, size);
      if (gain <= cost * size + most) continue;
      most = gain - cost * size;
      best = &one;
    }
    if (!best) return chosen;
    chosen.push_back(best->at);
    for (const std::size_t set : best->within) sets[set].spared += gain_at(set, best->files->size());
  }
}

std::string unit_text(const ConftestUnit& unit, const std::vector<ConftestSnippet>& snippets) {
  std::string text;
  for (const std::size_t i : unit) {
    text += "#line 1 \"" + std::string(marker) + std::to_string(i) + "\"\n" + snippets[i].source;
    if (!text.ends_with('\n')) text += '\n';
  }
  return text;
}

UnitReading read_unit(const ConftestUnit& unit, bool compiled, std::string_view output) {
  UnitReading reading;
  if (compiled) return reading;
  for (auto& error : kernel::compile_errors(output)) {
    if (contains(error.message, "warnings being treated as errors")) continue;
    const auto number = number_after<std::size_t>(marker, error.file);
    if (!number || std::find(unit.begin(), unit.end(), *number) == unit.end()) {
      reading.reliable = false;
      continue;
    }
    // After a syntax error the parser may skip what follows. After a missing expression it does not: it continues at
    // the next bracket or semicolon, and in a snippet that shares a unit these are complete.
    const bool syntax = error.message.starts_with("expected") && !error.message.starts_with("expected expression");
    if (error.fatal || syntax || contains(error.message, "terminat")) reading.unreliable.insert(*number);
    reading.errors[*number].push_back(std::move(error));
  }
  if (reading.errors.empty()) reading.reliable = false;
  return reading;
}

}  // namespace vgpukit::conftest
