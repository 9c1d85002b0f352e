// The declarations of a C header at file scope, and the members of its structures, from its tokens. There is no
// preprocessor, so that every branch of an #if is read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vgpukit::diagnostics {

// name: the kind is not known.
enum class NameKind { function, field, type, macro, constant, variable, header, symbol, name };
std::string_view name_kind_word(NameKind kind);  // "function"

struct Declaration {
  NameKind kind = NameKind::name;
  std::string name;  // of a type without "struct": "vm_area_struct"
  std::string of;    // of a field: "struct vm_area_struct"; of a type: "struct", "union", "enum" or "typedef"
  std::string text;  // on one line: "int del_timer(struct timer_list *timer)"
  std::vector<std::string> arguments;  // the types of the parameters, "struct timer_list *"; of a macro their names
  bool callable = false;               // a function, a macro with parameters, a function pointer
  std::string body;                    // of a macro, an inline function or a structure
  int line = 0;
};

std::vector<Declaration> declarations_in(std::string_view header);

// The parameter types of a function pointer: "int (*)(struct drm_crtc *, struct drm_atomic_commit *)". Empty for other
// types.
std::vector<std::string> arguments_of_type(std::string_view type);

}  // namespace vgpukit::diagnostics
