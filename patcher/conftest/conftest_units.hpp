// Many snippets of conftest.sh in few translation units, without one changing what another is answered.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/snippets.hpp"

namespace vgpukit::conftest {

// What one test wants to have compiled.
struct ConftestSnippet {
  std::string source;     // the whole file
  std::string code;       // `source` without conftest.sh's preamble
  bool inverted = false;  // a "functions" test: no error means that the function is absent
};

// What a look at the text tells.
struct SnippetShape {
  bool needs_own_unit =
      false;  // it must not share a translation unit: macros of its own, unbalanced braces, unusual includes
  bool late =
      false;  // the compiler may find an error after parsing: where it has found none, ask it to generate code, too
  bool locals = false;     // it has variables in a function, of which the compiler may warn after parsing
  bool tentative = false;  // declares variables at file scope: a header that follows could still complete their type
  std::set<std::string> uses;  // every identifier
  std::set<std::string>
      exclusive_names;  // those that it calls, defines or casts to void: nobody else in the unit may use them
};
SnippetShape shape_of(const ConftestSnippet& snippet);

// Whether a condition asks nothing but what headers.h and the configuration say: then it has the same answer in front
// of all headers.
bool asks_only_known_names(std::string_view condition);

// A file that says which headers each snippet includes, once it is preprocessed (with -E -P): conditions are evaluated,
// includes are not followed. Only for snippets that are not `alone`.
std::string include_probe(std::string_view preamble, const std::vector<ConftestSnippet>& snippets,
                          const std::vector<SnippetShape>& shapes);
struct SnippetIncludes {
  std::vector<std::string> headers;  // in order
  bool missing = false;              // one of them is not there
};
std::map<std::size_t, SnippetIncludes> read_include_probe(std::string_view preprocessed);

// The snippets of one translation unit, in their order.
using ConftestUnit = std::vector<std::size_t>;

// Shares out the snippets. A snippet comes after another one only if the files that the other includes are all included
// by itself, too: so each sees exactly the headers that it asks for.
std::vector<ConftestUnit> plan_units(const std::vector<std::size_t>& which, const std::vector<SnippetShape>& shapes,
                                     const std::map<std::size_t, std::set<int>>& closures);

// Whose includes are worth being compiled once, ahead of all units: what such a set brings must be brought by the
// others' own includes, too. Most useful first; empty where nothing is to be gained.
std::vector<std::size_t> choose_prefixes(const std::map<std::size_t, std::set<int>>& closures);

// Its text; a #line marker names the snippet by its number.
std::string unit_text(const ConftestUnit& unit, const std::vector<ConftestSnippet>& snippets);

// What the compiler said about each snippet of the unit.
struct UnitReading {
  std::map<std::size_t, std::vector<kernel::CompileError>> errors;  // by snippet; with `line` in its `source`
  bool reliable = true;              // an error that belongs to no snippet: believe nothing
  std::set<std::size_t> unreliable;  // whose error may have spilled over to those that follow
};
UnitReading read_unit(const ConftestUnit& unit, bool compiled, std::string_view output);

}  // namespace vgpukit::conftest
