#include "transform/call_sites.hpp"

#include <algorithm>

#include "support/text.hpp"

namespace vgpukit::transform {
namespace {

using Kind = Token::Kind;

// Words that may be before a call. Any other identifier there is a return type.
bool may_precede_call(std::string_view word) {
  static constexpr std::string_view words[] = {"return", "else",   "do",         "case",
                                               "sizeof", "typeof", "__typeof__", "goto"};
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

bool is_member_access(std::string_view text) {
  return text == "." || text == "->";
}

std::size_t closing(const std::vector<Token>& tokens, std::size_t open) {
  std::size_t depth = 0;
  for (std::size_t i = open; i < tokens.size(); ++i) {
    if (tokens[i].kind != Kind::punctuator) continue;
    if (tokens[i].text == "(") ++depth;
    if (tokens[i].text == ")" && --depth == 0) return i;
  }
  return CodeView::npos;
}

// The call at index `name` of the tokens, whose list ends at `close`.
CallSite site(const std::vector<Token>& tokens, std::size_t name, std::size_t close, std::size_t offset, int line) {
  CallSite call;
  call.name = {offset + tokens[name].offset, offset + tokens[name].offset + tokens[name].text.size()};
  call.line = line + tokens[name].line;
  if (close == CodeView::npos) return call;
  call.complete = true;
  call.list = {offset + tokens[name + 1].offset + 1, offset + tokens[close].offset};
  std::size_t first = name + 2;
  std::size_t depth = 0;
  for (std::size_t i = name + 2; i <= close; ++i) {
    const std::string_view text = tokens[i].kind == Kind::punctuator ? tokens[i].text : std::string_view();
    if (tokens[i].kind == Kind::directive) call.complete = false;
    if (text == "(" || text == "[" || text == "{") ++depth;
    if (i < close && (text == ")" || text == "]" || text == "}") && depth > 0) --depth;
    if (i < close && (text != "," || depth > 0)) continue;
    if (i > first) {
      const Token& last = tokens[i - 1];
      call.arguments.push_back({offset + tokens[first].offset, offset + last.offset + last.text.size()});
    } else if (i < close || first > name + 2) {
      call.arguments.push_back({offset + tokens[i].offset, offset + tokens[i].offset});  // an empty one: f(a, )
    }
    first = i + 1;
  }
  return call;
}

// Whether the name at index i of the code, behind a type's '*' or an attribute's ')', is declared there: at file scope
// there is no '=' before it, in a function there is an `extern`.
bool is_declared(const CodeView& view, std::size_t i) {
  bool initializes = false;
  std::string_view first;
  for (std::size_t j = i; j-- > 0 && !view.is(j, ";") && !view.is(j, "{") && !view.is(j, "}");) {
    if (view.code()[j].kind == Kind::directive) break;
    first = view.code()[j].text;
    initializes = initializes || first == "=";
  }
  return !initializes && (view.depth(i) == 0 || first == "extern");
}

// Whether the identifier at index i of the code, before a '(', is a call and not a declaration.
bool is_call(const CodeView& view, std::size_t i) {
  const auto& code = view.code();
  const bool file_scope = view.depth(i) == 0;
  const std::size_t close = view.partner(i + 1);
  if (file_scope && close != CodeView::npos && view.is(close + 1, "{")) return false;
  for (std::size_t j = i; j-- > 0;) {
    const Token& before = code[j];
    if (before.kind == Kind::directive) continue;
    if (before.kind == Kind::identifier) return may_precede_call(before.text);
    if (is_member_access(before.text)) return false;
    return (before.text != "*" && before.text != ")") || !is_declared(view, i);
  }
  return true;
}

struct Macro {
  std::size_t name = 0;
  std::size_t body = 0;
};

// Indices of the directive's tokens; body is 0 if it is not a #define with a body.
Macro macro_of(const std::vector<Token>& tokens) {
  if (tokens.size() < 3 || tokens[0].text != "define") return {};
  Macro macro{1, 2};
  const bool parameters = tokens[2].text == "(" && tokens[2].offset == tokens[1].offset + tokens[1].text.size();
  if (!parameters) return macro;
  const std::size_t close = closing(tokens, 2);
  macro.body = close == CodeView::npos ? 0 : close + 1;
  return macro;
}

void calls_in_macro(const Token& directive, std::string_view function, std::vector<CallSite>& calls) {
  const std::vector<Token> tokens = lex_directive(directive.text);
  const Macro macro = macro_of(tokens);
  if (macro.body == 0) return;
  for (std::size_t i = 3; i < macro.body; ++i)  // `#define CALL(f, x) f(x)` calls its parameter
    if (tokens[i].text == function) return;
  for (std::size_t i = macro.body; i + 1 < tokens.size(); ++i) {
    if (tokens[i].kind != Kind::identifier || tokens[i].text != function || tokens[i + 1].text != "(") continue;
    if (i > macro.body) {
      const Token& before = tokens[i - 1];
      if (is_member_access(before.text) || before.text == "##") continue;
      if (before.kind == Kind::identifier && !may_precede_call(before.text)) continue;
    }
    calls.push_back(site(tokens, i, closing(tokens, i + 1), directive.offset, directive.line - 1));
  }
}

}  // namespace

std::vector<CallSite> find_calls(const CodeView& view, std::string_view function) {
  std::vector<CallSite> calls;
  const auto& code = view.code();
  for (std::size_t i = 0; i < code.size(); ++i) {
    if (code[i].kind == Kind::directive) {
      if (contains(code[i].text, function)) calls_in_macro(code[i], function, calls);
    } else if (code[i].kind == Kind::identifier && code[i].text == function && view.is(i + 1, "(") &&
               is_call(view, i)) {
      calls.push_back(site(code, i, view.partner(i + 1), 0, 0));
    }
  }
  return calls;
}

std::optional<int> function_pointer(const CodeView& view, std::string_view name) {
  const auto& code = view.code();
  for (std::size_t i = 3; i < code.size(); ++i) {
    if (code[i].text != name || code[i].kind != Kind::identifier || !view.is(i - 1, "*") || !view.is(i - 2, "(") ||
        !view.is(i + 1, ")") || !view.is(i + 2, "("))
      continue;
    const Token& type = code[i - 3];  // `return (*f)(1)` is a call
    if (type.text != "*" && (type.kind != Kind::identifier || may_precede_call(type.text))) continue;
    std::size_t open = i - 2;  // of the block, the list of parameters or the structure around it
    while (open-- > 0) {
      if (view.partner(open) < open)
        open = view.partner(open);
      else if (view.is(open, "{") || view.is(open, "("))
        break;
    }
    const auto is_structure = [&](std::size_t j) { return view.is(j, "struct") || view.is(j, "union"); };
    if (open < code.size() && open > 1 && (is_structure(open - 1) || is_structure(open - 2))) continue;  // a member
    return code[i].line;
  }
  return std::nullopt;
}

std::vector<Span> find_definitions(const CodeView& view, std::string_view name) {
  std::vector<Span> spans;
  const auto& code = view.code();
  for (const CodeView::Function& function : view.functions(name))
    spans.push_back({code[function.open].offset, code[function.close].offset + 1});
  for (const Token& token : code) {
    if (token.kind != Kind::directive || !contains(token.text, name)) continue;
    const std::vector<Token> tokens = lex_directive(token.text);
    if (tokens.size() > 1 && tokens[0].text == "define" && tokens[1].text == name)
      spans.push_back({token.offset, token.offset + token.text.size()});
  }
  return spans;
}

}  // namespace vgpukit::transform
