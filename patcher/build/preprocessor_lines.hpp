// Reads C text line by line as the preprocessor does: for header_prefixes and for include guards.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace vgpukit::build {

// Calls use(line) for each logical line, without comments and without empty lines, until `use` returns false. (The
// lexer of transform/ would read every file to its end, although the first lines of most files are enough.)
void each_logical_line(std::string_view text, const std::function<bool(std::string_view line)>& use);

struct Line {
  enum class Kind { include, define, condition, other_directive, text } kind = Kind::text;
  std::string name;     // of an #include: the header; of a #define: the macro
  bool quoted = false;  // #include "name"
  bool plain = false;   // #define NAME, without a value
  std::string text;     // without white space around '#'
};
Line read_line(std::string_view text);

struct Header {
  std::vector<Line> lines;             // of consecutive lines that are no directives only the first
  bool may_be_included_twice = false;  // see may_be_included_twice(); if it has a guard, `lines` are inside of it
};
Header read_header(std::string_view text);

// Whether an include guard or #pragma once protects the whole text, or the text has nothing but #define lines.
bool may_be_included_twice(std::string_view header);

}  // namespace vgpukit::build
