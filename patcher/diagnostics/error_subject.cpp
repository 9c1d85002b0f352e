#include "diagnostics/error_subject.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "support/text.hpp"
#include "transform/lexer.hpp"

namespace vgpukit::diagnostics {
namespace {

using Maybe = std::optional<Subject>;

// The text in quotes after `before`; empty if there is none.
std::string quoted_after(std::string_view text, std::string_view before) {
  const auto at = text.find(before);
  if (at == std::string_view::npos) return {};
  const auto open = text.find_first_of("'\"", at + before.size());
  if (open == std::string_view::npos) return {};
  const auto close = text.find(text[open], open + 1);
  return close == std::string_view::npos ? std::string() : std::string(text.substr(open + 1, close - open - 1));
}

std::string quoted_before(std::string_view text, std::string_view after) {
  const auto at = text.find(after);
  if (at == std::string_view::npos || at < 2) return {};
  const auto close = text.find_last_of("'\"", at);
  if (close == std::string_view::npos || close == 0) return {};
  const auto open = text.find_last_of("'\"", close - 1);
  return open == std::string_view::npos ? std::string() : std::string(text.substr(open + 1, close - open - 1));
}

bool all_capitals(std::string_view name) {
  return std::none_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

// Names of the driver: the kernel does not declare them.
bool is_driver_name(std::string_view name) {
  for (const std::string_view prefix : {"nv_", "NV_", "nvidia_", "NVIDIA_", "os_", "uvm_", "UVM_", "rm_", "nvlink_",
                                        "nvKms", "vgpu_", "VGPU_", "__nv_", "NvU", "NvS"})
    if (name.starts_with(prefix)) return true;
  return false;
}

// "const struct vm_area_struct *" -> "struct vm_area_struct".
std::string bare_type(std::string type) {
  for (const std::string_view word : {"const ", "volatile "})
    while (type.starts_with(word)) type.erase(0, word.size());
  while (!type.empty() && (type.back() == '*' || type.back() == ' ')) type.pop_back();
  return type;
}

Maybe named(NameKind kind, std::string name, bool gone = true) {
  if (!is_identifier(name) || is_driver_name(name)) return std::nullopt;
  if (kind == NameKind::function && gone && all_capitals(name)) kind = NameKind::macro;
  return Subject{kind, std::move(name), {}, gone, {}};
}

Maybe type(std::string text) {
  text = bare_type(std::move(text));
  Subject subject{NameKind::type, text, {}, true, {}};
  if (const auto blank = text.find(' '); blank != std::string::npos) {
    subject.of = text.substr(0, blank);
    subject.name = text.substr(blank + 1);
  }
  if (!is_identifier(subject.name) || is_driver_name(subject.name)) return std::nullopt;
  return subject;
}

Maybe field(std::string name, std::string of, bool gone = true) {
  if (!is_identifier(name)) return std::nullopt;
  of = bare_type(std::move(of));
  const auto tag = of.substr(of.rfind(' ') == std::string::npos ? 0 : of.rfind(' ') + 1);
  if (is_driver_name(tag)) return std::nullopt;
  return Subject{NameKind::field, std::move(name), std::move(of), gone, {}};
}

std::vector<transform::Token> code_of(std::string_view line) {
  std::vector<transform::Token> tokens = transform::lex(line);
  std::erase_if(tokens, [](const transform::Token& token) {
    return token.kind == transform::Token::Kind::space || token.kind == transform::Token::Kind::comment;
  });
  return tokens;
}

// The first call in the quoted line at or after the column of the message.
std::string call_in(const Diagnostic& diagnostic) {
  const auto tokens = code_of(diagnostic.source);
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (tokens[i].kind != transform::Token::Kind::identifier || tokens[i + 1].text != "(") continue;
    if (tokens[i].offset + tokens[i].text.size() < static_cast<std::size_t>(std::max(diagnostic.column, 1))) continue;
    if (tokens[i].text == "if" || tokens[i].text == "while" || tokens[i].text == "return" ||
        tokens[i].text == "sizeof" || tokens[i].text == "likely" || tokens[i].text == "unlikely")
      continue;
    return std::string(tokens[i].text);
  }
  return {};
}

// The last ".field = value" or "->field = value" before the column: the column is that of the value or the operator.
std::string assigned_in(const Diagnostic& diagnostic) {
  const auto tokens = code_of(diagnostic.source);
  std::string name;
  for (std::size_t i = 1; i + 1 < tokens.size(); ++i) {
    if (tokens[i].kind != transform::Token::Kind::identifier ||
        (tokens[i - 1].text != "." && tokens[i - 1].text != "->"))
      continue;
    if (tokens[i + 1].text != "=" && tokens[i + 1].text != "|=" && tokens[i + 1].text != "&=") continue;
    if (!name.empty() && tokens[i].offset >= static_cast<std::size_t>(std::max(diagnostic.column, 1))) break;
    name = tokens[i].text;
  }
  return name;
}

// "struct drm_atomic_state base;" -> struct drm_atomic_state
std::string type_declared_in(const Diagnostic& diagnostic) {
  const auto tokens = code_of(diagnostic.source);
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i)
    if (tokens[i].text == "struct" || tokens[i].text == "union" || tokens[i].text == "enum")
      return std::string(tokens[i].text) + " " + std::string(tokens[i + 1].text);
  return {};
}

// A function pointer whose type the kernel changed: the message has both types, the quoted line or a note the field.
Maybe callback(const Diagnostic& diagnostic, std::string_view wanted) {
  std::string name = assigned_in(diagnostic);
  if (name.empty()) {
    const std::string near = quoted_after(diagnostic.note, "near initialization for ");
    name = near.substr(near.rfind('.') == std::string::npos ? near.size() : near.rfind('.') + 1);
  }
  auto subject = field(std::move(name), {}, false);
  if (!subject || !contains(wanted, "(*)")) return std::nullopt;
  subject->arguments = arguments_of_type(wanted);
  return subject;
}

// 'T' {aka 'struct x'} has no member named 'f'
std::string owner_before(std::string_view message, std::string_view words) {
  const auto at = message.find(words);
  const auto aka = message.find("{aka '");
  if (aka != std::string_view::npos && aka < at) return quoted_after(message, "{aka ");
  return quoted_before(message, words);
}

Maybe of_fields(const Diagnostic& diagnostic) {
  const std::string_view message = diagnostic.message;
  if (contains(message, " has no member named "))
    return field(quoted_after(message, " has no member named "), owner_before(message, " has no member named "));
  if (contains(message, "no member named "))
    return field(quoted_after(message, "no member named "), quoted_after(message, "' in "));
  if (contains(message, "field designator ")) {
    const bool aka = contains(message, "(aka ");
    return field(quoted_after(message, "field designator "), quoted_after(message, aka ? "(aka " : " in type "));
  }
  if (message.starts_with("unknown field ")) return field(quoted_after(message, "unknown field "), {});
  if (contains(message, "of read-only member ")) return field(quoted_after(message, "of read-only member "), {}, false);
  if (contains(message, "to non-static data member "))
    return field(quoted_after(message, "to non-static data member "), {}, false);
  if (contains(message, "from incompatible pointer type")) {
    if (message.starts_with("initialization of "))
      return callback(diagnostic, quoted_after(message, "initialization of "));
    if (message.starts_with("assignment to ")) return callback(diagnostic, quoted_after(message, "assignment to "));
    if (message.starts_with("initialization from")) return callback(diagnostic, "(*)");  // gcc before 8 shows no types
  }
  if (contains(message, "incompatible function pointer types ")) {
    const bool assigning = contains(message, "types assigning to ");
    return callback(diagnostic, quoted_after(message, assigning ? "types assigning to " : "types initializing "));
  }
  return std::nullopt;
}

Maybe of_functions(const Diagnostic& diagnostic) {
  const std::string_view message = diagnostic.message;
  constexpr auto function = NameKind::function;
  for (const std::string_view words :
       {"implicit declaration of function ", "call to undeclared function ", "call to undeclared library function "})
    if (contains(message, words)) return named(function, quoted_after(message, words));
  for (const std::string_view words :
       {"too few arguments to function ", "too many arguments to function ", "conflicting types for "})
    if (contains(message, words) && !quoted_after(message, words).empty())
      return named(function, quoted_after(message, words), false);
  if (contains(message, " arguments to function call") || contains(message, " argument to function call")) {
    const std::string called = quoted_before(diagnostic.note, " declared here");
    return named(function, called.empty() ? call_in(diagnostic) : called, false);
  }
  if (message.starts_with("passing argument ") && contains(message, " of '"))
    return named(function, quoted_after(message, " of "), false);
  if (message.starts_with("macro ") && contains(message, " argument"))
    return named(NameKind::macro, quoted_after(message, "macro "), false);
  if (contains(message, "function-like macro invocation"))
    return named(NameKind::macro, quoted_after(diagnostic.note, "macro "), false);
  const bool nothing = contains(message, "void value not ignored") || contains(message, "incompatible type 'void'") ||
                       message.starts_with("returning 'void' from");
  if (nothing) return named(function, call_in(diagnostic), false);
  return std::nullopt;
}

Maybe of_types(const Diagnostic& diagnostic) {
  const std::string_view message = diagnostic.message;
  for (const std::string_view words :
       {"unknown type name ", "use of undefined type ", "use of incomplete typedef ", "pointer to incomplete type ",
        "to incomplete type ", "to an incomplete type ", "incomplete definition of type ", "has incomplete type ",
        "forward declaration of "})
    if (const auto name = quoted_after(message, words); contains(message, words) && !name.empty()) return type(name);
  if (contains(message, "has incomplete type") || contains(message, "has initializer but incomplete type") ||
      (message.starts_with("storage size of ") && contains(message, "known")))
    return type(type_declared_in(diagnostic));
  if (contains(message, "declared inside parameter list")) return type(quoted_before(message, " declared inside"));
  return std::nullopt;
}

Maybe of_names(const Diagnostic& diagnostic) {
  const std::string_view message = diagnostic.message;
  std::string name;
  if (contains(message, "' undeclared")) name = quoted_before(message, " undeclared");
  if (contains(message, "use of undeclared identifier ")) name = quoted_after(message, "use of undeclared identifier ");
  if (contains(message, "type defaults to 'int' in declaration of "))
    name = quoted_after(message, "in declaration of ");
  if (name.empty()) return std::nullopt;
  const NameKind kind = all_capitals(name) ? NameKind::macro : NameKind::name;
  return named(kind, std::move(name));
}

Maybe of_headers(std::string_view message) {
  std::string name;
  if (message.ends_with(": No such file or directory")) name = message.substr(0, message.find(": No such file"));
  if (message.ends_with("' file not found")) name = quoted_before(message, " file not found");
  if (!name.ends_with(".h") || contains(name, " ") || name.starts_with("nv") || name.starts_with("/"))
    return std::nullopt;
  return Subject{NameKind::header, std::move(name), {}, true, {}};
}

// Messages of modpost, `vgpukit verify` and the linker.
Maybe of_symbols(const Diagnostic& diagnostic) {
  const std::string_view message = diagnostic.message;
  std::string name;
  bool gone = true;
  if (contains(message, " undefined!")) {
    name = quoted_after(message, "");
  } else if (contains(message, "GPL-only symbol")) {
    name = quoted_after(message, "GPL-only symbol");
    gone = false;
  } else if (contains(message, "from namespace ")) {
    const auto words = message.find("uses symbol ");
    if (words != std::string_view::npos) name = message.substr(words + 12, message.find(' ', words + 12) - words - 12);
    gone = false;
  } else if (contains(message, "undefined reference to ")) {
    name = quoted_after(message, "undefined reference to ");
  } else if (contains(message, "Unknown symbol ")) {
    const auto words = message.find("Unknown symbol ");
    name = message.substr(words + 15, message.find(' ', words + 15) - words - 15);
  }
  // modpost prints "uses symbol 'x' from" or "uses symbol (x) from".
  if (name.size() > 1 && !is_identifier(name)) name = name.substr(1, name.size() - 2);
  return named(NameKind::symbol, std::move(name), gone);
}

}  // namespace

std::string Subject::text() const {
  std::string text = std::string(name_kind_word(kind)) + " ";
  if (kind == NameKind::type && !of.empty()) return text + of + " " + name;
  text += name;
  if (kind == NameKind::function) text += "()";
  if (kind == NameKind::field && !of.empty()) text += " of " + of;
  return text;
}

std::optional<Subject> subject_of(const Diagnostic& diagnostic) {
  if (diagnostic.tool == "modpost" || diagnostic.tool == "verify" || diagnostic.tool == "ld")
    return of_symbols(diagnostic);
  if (diagnostic.tool != "gcc" && diagnostic.tool != "clang") return std::nullopt;
  if (auto found = of_headers(diagnostic.message)) return found;
  if (auto found = of_fields(diagnostic)) return found;
  if (auto found = of_functions(diagnostic)) return found;
  if (auto found = of_types(diagnostic)) return found;
  return of_names(diagnostic);
}

Causes causes_of(const std::vector<Diagnostic>& errors) {
  Causes causes;
  std::unordered_map<std::string, std::vector<std::size_t>> by_name;  // indices of subjects: a log may name thousands
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const auto subject = subject_of(errors[i]);
    if (!subject) {
      causes.others.push_back(i);
      continue;
    }
    auto& same_name = by_name[subject->name];
    const auto at = std::find_if(same_name.begin(), same_name.end(), [&](std::size_t known) {
      const auto& each = causes.subjects[known];
      const bool fields = each.kind == NameKind::field && subject->kind == NameKind::field;
      // Not every message has the field's structure. An unknown name may be called in one place and not in another.
      return fields ? each.of == subject->of || each.of.empty() || subject->of.empty()
                    : each.kind != NameKind::field && subject->kind != NameKind::field;
    });
    const auto index = at == same_name.end() ? causes.subjects.size() : *at;
    if (at == same_name.end()) {
      same_name.push_back(index);
      causes.subjects.push_back(*subject);
      causes.errors.emplace_back();
    } else if (causes.subjects[index].of.empty()) {
      causes.subjects[index].of = subject->of;
    }
    causes.errors[index].push_back(i);
  }
  return causes;
}

}  // namespace vgpukit::diagnostics
