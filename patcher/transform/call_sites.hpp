// Where a function is called: in code and in the bodies of macros, not where it is declared or defined.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "transform/lexer.hpp"
#include "transform/token_match.hpp"

namespace vgpukit::transform {

struct CallSite {
  Span name;
  int line = 0;
  // What follows is only known when `complete`: a macro body may call without closing its parenthesis, and an #if may
  // stand in between.
  bool complete = false;
  Span list;                    // between the parentheses
  std::vector<Span> arguments;  // without the blanks around them; none for ()
};

// In the order of the source, an outer call before the ones in its arguments.
std::vector<CallSite> find_calls(const CodeView& view, std::string_view function);

// Where the function `name` is defined, as a function or as a macro: bytes.
std::vector<Span> find_definitions(const CodeView& view, std::string_view name);

}  // namespace vgpukit::transform
