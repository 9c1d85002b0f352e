// What a C header declares at file scope, and the members of its structures: enough to look a name up and to show where
// it stands. It reads tokens, runs no preprocessor, and so sees every branch of an #if.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vgpukit::diagnostics {

enum class NameKind {
  function,
  field,
  type,
  macro,
  constant,
  variable,
  header,
  symbol,
  name
};                                               // name: nobody said what it is
std::string_view name_kind_word(NameKind kind);  // "function"

struct Declaration {
  NameKind kind = NameKind::name;
  std::string name;  // of a type without the word before it: "vm_area_struct"
  std::string of;    // of a field: "struct vm_area_struct"; of a type: "struct", "union", "enum" or "typedef"
  std::string text;  // on one line, as a reader wants it: "int del_timer(struct timer_list *timer)"
  std::vector<std::string>
      arguments;          // the parameters' types where it takes any: "struct timer_list *"; of a macro their names
  bool callable = false;  // a function, a macro with parameters, a field that holds a function
  std::string body;       // what a macro or an inline function is made of; the members of a structure
  int line = 0;
};

std::vector<Declaration> declarations_in(std::string_view header);

// "int (*)(struct drm_crtc *, struct drm_atomic_commit *)" -> its parameters' types; nothing where it is no function
// pointer.
std::vector<std::string> arguments_of_type(std::string_view type);

}  // namespace vgpukit::diagnostics
