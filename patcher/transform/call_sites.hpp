// Finds the calls of a function, in code and in the bodies of macros, without its declarations and definitions.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "transform/code_view.hpp"
#include "transform/token_match.hpp"

namespace vgpukit::transform {

struct CallSite {
  Span name;
  int line = 0;
  // Whether the members below are known: a macro body may call without closing its parenthesis, and an #if may be
  // inside.
  bool complete = false;
  Span list;                    // between the parentheses
  std::vector<Span> arguments;  // without the blanks around them; none for ()
};

// In the order of the source, an outer call before the calls in its arguments.
std::vector<CallSite> find_calls(const CodeView& view, std::string_view function);

// The line where `name` is declared as a variable or parameter that points to a function; nothing if it is not.
std::optional<int> function_pointer(const CodeView& view, std::string_view name);

// The bytes of the definitions of `name`, as a function or as a macro.
std::vector<Span> find_definitions(const CodeView& view, std::string_view name);

}  // namespace vgpukit::transform
