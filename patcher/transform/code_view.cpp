#include "transform/code_view.hpp"

#include <algorithm>
#include <optional>

namespace vgpukit::transform {
namespace {

using Kind = Token::Kind;

// The brackets that are open at a position.
struct Open {
  std::vector<std::size_t> brackets;
  std::size_t braces = 0;
};

// An #if without its #endif so far. All its branches begin with the brackets that were open before it. After it, the
// brackets are open that its first branch left open ("#if 0" is not such a branch).
struct Conditional {
  Open before;
  std::optional<Open> after;
  bool dead;
};

bool opens(std::string_view text) {
  return text == "(" || text == "[" || text == "{";
}
bool closes(std::string_view text) {
  return text == ")" || text == "]" || text == "}";
}
char partner_of(char c) {
  return c == ')' ? '(' : c == ']' ? '[' : '{';
}

class Matcher {
 public:
  Matcher(const std::vector<Token>& code, std::vector<std::size_t>& partner, std::vector<std::size_t>& depth)
      : code_(code), partner_(partner), depth_(depth) {}

  void run() {
    for (std::size_t i = 0; i < code_.size(); ++i) {
      const Token& token = code_[i];
      depth_[i] = open_.braces;
      if (token.kind == Kind::directive) directive(token);
      if (token.kind != Kind::punctuator) continue;
      if (opens(token.text)) open(i);
      if (closes(token.text)) close(i);
    }
  }

 private:
  void directive(const Token& token) {
    const std::vector<Token> words = lex_directive(token.text);
    if (words.empty()) return;
    const std::string_view name = words.front().text;
    if (name == "if" || name == "ifdef" || name == "ifndef") {
      conditionals_.push_back({open_, std::nullopt, name == "if" && words.size() == 2 && words[1].text == "0"});
    } else if (conditionals_.empty()) {
      return;
    } else if (name == "else" || name == "elif" || name == "elifdef" || name == "elifndef") {
      Conditional& top = conditionals_.back();
      if (!top.after && !top.dead) top.after = open_;
      top.dead = false;
      open_ = top.before;
    } else if (name == "endif") {
      Conditional& top = conditionals_.back();
      if (top.after)
        open_ = std::move(*top.after);
      else if (top.dead)
        open_ = std::move(top.before);
      conditionals_.pop_back();
    }
  }

  bool transparent(std::size_t i) const {
    return i >= 2 && code_[i].text == "{" && code_[i - 1].kind == Kind::string && code_[i - 2].text == "extern";
  }

  void open(std::size_t i) {
    open_.brackets.push_back(i);
    if (code_[i].text == "{" && !transparent(i)) ++open_.braces;
  }

  void close(std::size_t i) {
    const char wanted = partner_of(code_[i].text.front());
    const auto found = std::find_if(open_.brackets.rbegin(), open_.brackets.rend(),
                                    [&](std::size_t j) { return code_[j].text.front() == wanted; });
    if (found == open_.brackets.rend()) return;
    // A closing brace also ends brackets inside of it that were not closed. A parenthesis never reaches over a brace.
    if (wanted != '{' &&
        std::any_of(open_.brackets.rbegin(), found, [&](std::size_t j) { return code_[j].text == "{"; }))
      return;
    const std::size_t partner = *found;
    while (open_.brackets.back() != partner) pop_bracket();
    pop_bracket();
    depth_[i] = open_.braces;
    if (partner_[partner] != CodeView::npos) return;  // another branch of an #if has closed it
    partner_[i] = partner;
    partner_[partner] = i;
  }

  void pop_bracket() {
    const std::size_t i = open_.brackets.back();
    open_.brackets.pop_back();
    if (code_[i].text == "{" && !transparent(i)) --open_.braces;
  }

  const std::vector<Token>& code_;
  std::vector<std::size_t>& partner_;
  std::vector<std::size_t>& depth_;
  Open open_;
  std::vector<Conditional> conditionals_;
};

bool is_type_word(std::string_view text) {
  static constexpr std::string_view words[] = {"static",   "inline", "extern", "const", "volatile", "struct",
                                               "union",    "enum",   "void",   "int",   "char",     "long",
                                               "unsigned", "signed", "short",  "float", "double",   "typedef"};
  return std::find(std::begin(words), std::end(words), text) != std::end(words);
}

std::string_view directive_name(const Token& token) {
  const std::vector<Token> words = lex_directive(token.text);
  return words.empty() ? std::string_view() : words.front().text;
}

// From an #else or #elif at index i to its #endif.
std::size_t matching_endif(const std::vector<Token>& code, std::size_t i) {
  std::size_t depth = 1;
  while (++i < code.size()) {
    if (code[i].kind != Kind::directive) continue;
    const std::string_view name = directive_name(code[i]);
    if (name.starts_with("if")) ++depth;
    if (name == "endif" && --depth == 0) break;
  }
  return i;
}

// The index of the '{' after a parameter list. In between there may be attributes, macros with or without arguments,
// and directives. If the list ends in both branches of an #if, the first branch counts.
std::size_t body_of(const CodeView& view, std::size_t after_parameters) {
  const auto& code = view.code();
  for (std::size_t i = after_parameters; i < code.size(); ++i) {
    if (code[i].text == "{") return i;
    if (code[i].kind == Kind::directive) {
      if (directive_name(code[i]).starts_with("el")) i = matching_endif(code, i);
      continue;
    }
    if (code[i].kind != Kind::identifier || is_type_word(code[i].text)) return CodeView::npos;
    if (!view.is(i + 1, "(")) continue;
    if (view.partner(i + 1) == CodeView::npos) return CodeView::npos;
    i = view.partner(i + 1);
  }
  return CodeView::npos;
}

// Whether the token before a name can be the end of a return type (or of an attribute after it).
bool can_precede_definition(const std::vector<Token>& code, std::size_t name) {
  for (std::size_t i = name; i-- > 0;) {
    if (code[i].kind == Kind::directive) continue;
    return code[i].kind == Kind::identifier || code[i].text == "*" || code[i].text == ")";
  }
  return false;
}

std::size_t start_of_declaration(const std::vector<Token>& code, std::size_t name) {
  std::size_t first = name;
  while (first > 0) {
    const Token& before = code[first - 1];
    if (before.kind == Kind::directive || before.text == ";" || before.text == "}" || before.text == "{") break;
    --first;
  }
  return first;
}

}  // namespace

CodeView::CodeView(std::string_view source) : source_(source), code_(lex(source)) {
  std::erase_if(code_, [](const Token& token) { return token.kind == Kind::space || token.kind == Kind::comment; });
  partner_.assign(code_.size(), npos);
  depth_.assign(code_.size(), 0);
  Matcher(code_, partner_, depth_).run();
}

std::vector<CodeView::Function> CodeView::functions(std::string_view name) const {
  std::vector<Function> found;
  for (std::size_t i = 0; i + 1 < code_.size(); ++i) {
    if (code_[i].kind != Kind::identifier || code_[i].text != name || depth_[i] != 0 || !is(i + 1, "(")) continue;
    const std::size_t parameters_end = partner_[i + 1];
    if (parameters_end == npos || !can_precede_definition(code_, i)) continue;
    const std::size_t open = body_of(*this, parameters_end + 1);
    if (open == npos || partner_[open] == npos) continue;
    // Both branches of an #if have a signature, and what follows is the body of both.
    if (!found.empty() && open <= found.back().close) continue;
    found.push_back({start_of_declaration(code_, i), i, open, partner_[open]});
  }
  return found;
}

}  // namespace vgpukit::transform
