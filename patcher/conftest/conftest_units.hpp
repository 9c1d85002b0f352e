// Puts many snippets of conftest.sh into few translation units. No snippet changes the answer to another one.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "conftest/conftest_snippet.hpp"
#include "kernel/snippets.hpp"

namespace vgpukit::conftest {

// A file that tells, when it is preprocessed with -E -P, which headers each snippet includes. Conditions are evaluated,
// includes are not followed. Snippets that need their own unit are left out.
std::string include_probe(std::string_view preamble, const std::vector<ConftestSnippet>& snippets,
                          const std::vector<SnippetShape>& shapes);
struct SnippetIncludes {
  std::vector<std::string> headers;  // in order
  bool missing = false;              // one of them does not exist
};
std::map<std::size_t, SnippetIncludes> read_include_probe(std::string_view preprocessed);

// The snippets of one translation unit, in their order.
using ConftestUnit = std::vector<std::size_t>;

// Distributes the snippets over units. A snippet follows another one only if it includes all files that the other one
// includes: each snippet sees exactly the headers that it includes.
std::vector<ConftestUnit> plan_units(const std::vector<std::size_t>& which, const std::vector<SnippetShape>& shapes,
                                     const std::map<std::size_t, std::set<int>>& closures);

// The snippets whose includes should be precompiled, the most useful first. A unit can use such a precompiled header if
// its first snippet includes all files of it. Empty if precompiling gains nothing.
std::vector<std::size_t> choose_prefixes(const std::map<std::size_t, std::set<int>>& closures);

// The text of a unit. A #line marker names each snippet by its number.
std::string unit_text(const ConftestUnit& unit, const std::vector<ConftestSnippet>& snippets);

// The compiler's errors for each snippet of a unit.
struct UnitReading {
  std::map<std::size_t, std::vector<kernel::CompileError>> errors;  // by snippet; with `line` in its `source`
  bool reliable = true;              // false if an error belongs to no snippet: no result of the unit is valid
  std::set<std::size_t> unreliable;  // snippets whose error may affect those that follow
};
UnitReading read_unit(const ConftestUnit& unit, bool compiled, std::string_view output);

}  // namespace vgpukit::conftest
