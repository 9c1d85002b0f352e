// Reads Kbuild files and Makefiles: assignments and references, with continuation lines, comments and conditionals.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transform/token_match.hpp"

namespace vgpukit::transform {

struct MakeAssignment {
  Span name;
  std::string_view op;  // "=", ":=", "+=", "?="
  Span whole;           // the logical line, without its newline
  Span value;           // without blanks around it and the comment after it; with backslash-newlines inside
  int line = 0;
  std::size_t depth = 0;   // conditionals around it
  bool of_target = false;  // `target: NAME += value`
  bool in_define = false;  // between define and endef
  // The end of the outermost conditional around it (after the newline of its endif).
  std::optional<std::size_t> conditional_end;
};

struct MakeReference {
  Span name;
  int line = 0;
};

struct Makefile {
  std::string_view text;
  std::vector<MakeAssignment> assignments;
  // $(NAME), ${NAME:a=b}, ifdef NAME, export NAME, define NAME, $(call NAME,...), $(eval NAME = ...), also in recipes.
  std::vector<MakeReference> references;
  [[nodiscard]] std::string_view at(Span span) const { return text.substr(span.begin, span.end - span.begin); }
  // The words of a value without continuation backslashes. A function with its arguments is one word.
  [[nodiscard]] std::vector<std::string_view> value_words(const MakeAssignment& assignment) const;
};

Makefile read_makefile(std::string_view text);

bool is_make_name(std::string_view text);
// The words of a text that are outside of $(...), as value_words().
std::vector<std::string_view> make_words(std::string_view text);

}  // namespace vgpukit::transform
