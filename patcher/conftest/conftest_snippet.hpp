// A snippet that one conftest test compiles, and what its text tells about compiling it together with others.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace vgpukit::conftest {

// What one test compiles.
struct ConftestSnippet {
  std::string source;     // the whole file
  std::string code;       // `source` without conftest.sh's preamble
  bool inverted = false;  // a "functions" test: no error means that the function is absent
};

struct SnippetShape {
  // It cannot share a translation unit: it has macros of its own, unbalanced braces or unusual includes.
  bool needs_own_unit = false;
  // The compiler may find an error after parsing: if it finds none while parsing, it has to generate code, too.
  bool late = false;
  bool locals = false;         // it has variables in a function: the compiler may warn of them after parsing
  bool tentative = false;      // it declares variables at file scope: a header that follows could complete their type
  std::set<std::string> uses;  // every identifier
  // Identifiers that it calls, defines or casts to void: no other snippet of the unit may use them.
  std::set<std::string> exclusive_names;
};
SnippetShape shape_of(const ConftestSnippet& snippet);

// Whether a condition depends only on headers.h and the configuration. It then has the same value before all headers.
bool asks_only_known_names(std::string_view condition);

}  // namespace vgpukit::conftest
