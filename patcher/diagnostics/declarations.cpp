#include "diagnostics/declarations.hpp"

#include <algorithm>
#include <array>

#include "transform/code_view.hpp"

namespace vgpukit::diagnostics {
namespace {

using TokenKind = transform::Token::Kind;
constexpr auto none = transform::CodeView::npos;

bool is_storage(std::string_view word) {
  static constexpr std::array<std::string_view, 8> words = {
      "extern", "static", "inline", "__inline", "__always_inline", "__must_check", "noinline", "__maybe_unused"};
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_keyword(std::string_view word) {
  static constexpr std::array<std::string_view, 24> words = {
      "if",     "while",      "for",           "switch",        "return",         "sizeof",
      "typeof", "__typeof__", "__attribute__", "int",           "void",           "char",
      "long",   "short",      "unsigned",      "signed",        "struct",         "union",
      "enum",   "const",      "volatile",      "static_assert", "_Static_assert", "BUILD_BUG_ON"};
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Tokens as one line: "int del_timer ( struct timer_list * timer )" -> "int del_timer(struct timer_list *timer)".
std::string one_line(const std::vector<transform::Token>& code, std::size_t from, std::size_t to) {
  std::string text;
  for (std::size_t i = from; i < to; ++i) {
    const transform::Token& token = code[i];
    if (token.kind == TokenKind::directive) continue;
    const bool tight =
        text.empty() || text.back() == '(' || text.back() == '*' || text.back() == '[' || token.text == ")" ||
        token.text == "," || token.text == ";" || token.text == "[" || token.text == "]" ||
        (token.text == "(" && (text.back() == ')' || (i > from && code[i - 1].kind == TokenKind::identifier &&
                                                      !is_keyword(code[i - 1].text))));
    // "dma_addr_t (*map)": there is a blank in front of a function pointer.
    const bool pointer = token.text == "(" && i + 1 < to && code[i + 1].text == "*";
    if (!text.empty() && (!tight || (pointer && text.back() != ')' && text.back() != '('))) text += ' ';
    text += token.text;
  }
  return text;
}

// One parameter without its name: "struct timer_list *timer" -> "struct timer_list *".
std::string type_of_parameter(const std::vector<transform::Token>& code, std::size_t from, std::size_t to) {
  std::size_t words = 0;
  std::size_t last = to;
  for (std::size_t i = from; i < to; ++i) {
    if (code[i].kind != TokenKind::identifier) continue;
    if (code[i].text != "const" && code[i].text != "struct" && code[i].text != "enum" && code[i].text != "union")
      ++words;
    last = i;
  }
  const bool pointer_before = last < to && last > from && code[last - 1].text == "*";
  const bool named = last < to && !is_keyword(code[last].text) && (words > 1 || pointer_before);
  std::string text;
  for (std::size_t i = from; i < to; ++i) {
    if (code[i].kind == TokenKind::directive || (named && i == last)) continue;
    if (!text.empty() && text.back() != '*') text += ' ';
    text += code[i].text;
  }
  return text;
}

std::vector<std::string> parameters_between(const std::vector<transform::Token>& code, std::size_t open,
                                            std::size_t close) {
  std::vector<std::string> types;
  std::size_t depth = 0;
  std::size_t from = open + 1;
  for (std::size_t i = open + 1; i <= close; ++i) {
    if (code[i].text == "(") ++depth;
    if (code[i].text == ")" && i != close) --depth;
    if (i != close && (code[i].text != "," || depth > 0)) continue;
    if (i > from) types.push_back(type_of_parameter(code, from, i));
    from = i + 1;
  }
  if (types.size() == 1 && types[0] == "void") types.clear();
  return types;
}

class HeaderReader {
 public:
  explicit HeaderReader(std::string_view header) : view_(header), code_(view_.code()) {}

  std::vector<Declaration> run() {
    for (std::size_t i = 0; i < code_.size();) i = statement(i);
    return std::move(found_);
  }

 private:
  void add(NameKind kind, std::size_t name, std::string of, std::string text) {
    Declaration one;
    one.kind = kind;
    one.name = code_[name].text;
    one.of = std::move(of);
    one.text = std::move(text);
    one.line = code_[name].line;
    found_.push_back(std::move(one));
  }

  [[nodiscard]] std::string_view text_between(std::size_t open, std::size_t close) const {
    return view_.source().substr(code_[open].offset, code_[close].offset - code_[open].offset);
  }

  void macro(const transform::Token& token) {
    const auto words = transform::lex_directive(token.text);
    if (words.size() < 2 || words[0].text != "define") return;
    Declaration one;
    one.kind = NameKind::macro;
    one.name = words[1].text;
    one.line = token.line;
    std::size_t body = words[1].offset + words[1].text.size();
    one.text = "#define " + one.name;
    if (words.size() > 2 && words[2].text == "(" && words[2].offset == body) {
      one.callable = true;
      one.text += "(";
      std::size_t i = 3;
      for (; i < words.size() && words[i].text != ")"; ++i) {
        if (words[i].kind == TokenKind::identifier || words[i].text == "...") one.arguments.emplace_back(words[i].text);
        one.text += words[i].text == "," ? ", " : std::string(words[i].text);
      }
      one.text += ")";
      body = i < words.size() ? words[i].offset + 1 : token.text.size();
    }
    one.body = token.text.substr(std::min(body, token.text.size()));
    found_.push_back(std::move(one));
  }

  // Reads a directive, or everything up to a ';' or the '}' of a body, and returns the index of the next token.
  std::size_t statement(std::size_t i) {
    if (code_[i].kind == TokenKind::directive) {
      macro(code_[i]);
      return i + 1;
    }
    if (code_[i].text == "extern" && i + 2 < code_.size() && code_[i + 1].kind == TokenKind::string &&
        code_[i + 2].text == "{")
      return i + 3;
    std::size_t end = i;
    std::size_t parameters = none;  // of a function: the '(' after its name
    std::size_t body = none;
    bool assigned = false;
    for (; end < code_.size(); ++end) {
      const transform::Token& token = code_[end];
      if (token.kind == TokenKind::directive) {
        macro(token);
        continue;
      }
      if (token.text == ";") break;
      if (token.text == "=") assigned = true;
      if (token.text == "}") break;  // without an opening brace
      if (token.text == "(" || token.text == "[") {
        const std::size_t close = view_.partner(end);
        if (close == none) break;
        if (token.text == "(" && parameters == none && !assigned && body == none && end > i &&
            code_[end - 1].kind == TokenKind::identifier && !is_keyword(code_[end - 1].text) && end - 1 > i &&
            !attribute(end - 1)) {
          parameters = end;
        }
        end = close;
        continue;
      }
      if (token.text != "{") continue;
      const std::size_t close = view_.partner(end);
      if (close == none) return end + 1;
      if (body == none) body = end;
      end = close;
      if (parameters != none && !assigned) break;  // there is no ';' after the body of a function
    }
    declare(i, std::min(end, code_.size()), parameters, body, assigned);
    return end + 1;
  }

  // Whether the name is that of an attribute: "__printf(1, 2) void f(...)".
  [[nodiscard]] bool attribute(std::size_t name) const {
    const std::size_t close = view_.partner(name + 1);
    return close != none && close + 1 < code_.size() && code_[close + 1].kind == TokenKind::identifier &&
           !code_[close + 1].text.starts_with("__") && close + 2 < code_.size() &&
           !view_.is(close + 1, "__attribute__") &&
           (code_[close + 2].kind == TokenKind::identifier || code_[close + 2].text == "*");
  }

  void declare(std::size_t from, std::size_t to, std::size_t parameters, std::size_t body, bool assigned) {
    std::size_t first = from;
    while (first < to && code_[first].kind == TokenKind::directive) ++first;
    if (first >= to) return;
    const bool is_typedef = code_[first].text == "typedef";
    if (body != none && (parameters == none || body < parameters)) aggregate(first, body);
    if (is_typedef) return type_name(first, to);
    if (parameters != none && (body == none || body > parameters)) return function(first, to, parameters, body);
    if (body == none || assigned) variable(first, to);
  }

  void function(std::size_t first, std::size_t to, std::size_t parameters, std::size_t body) {
    const std::size_t close = view_.partner(parameters);
    while (first + 1 < parameters && is_storage(code_[first].text)) ++first;
    add(NameKind::function, parameters - 1, "", one_line(code_, first, close + 1));
    Declaration& one = found_.back();
    one.callable = true;
    one.arguments = parameters_between(code_, parameters, close);
    if (body != none && body < to) one.body = text_between(body, view_.partner(body));
  }

  void type_name(std::size_t first, std::size_t to) {
    std::size_t name = none;
    for (std::size_t i = first + 1; i < to; ++i) {
      if (code_[i].text == "{" || code_[i].text == "[") {
        if (code_[i].text == "[") break;
        i = view_.partner(i);
        if (i == none) return;
        continue;
      }
      if (code_[i].text == "(" && i + 2 < to && code_[i + 1].text == "*" &&
          code_[i + 2].kind == TokenKind::identifier) {
        name = i + 2;
        break;
      }
      if (code_[i].text == "(" && name != none) break;
      if (code_[i].kind == TokenKind::identifier && !code_[i].text.starts_with("__attribute")) name = i;
    }
    if (name != none) add(NameKind::type, name, "typedef", "typedef " + std::string(code_[name].text));
  }

  void variable(std::size_t first, std::size_t to) {
    std::size_t name = none;
    std::size_t words = 0;
    for (std::size_t i = first; i < to; ++i) {
      if (code_[i].text == "=" || code_[i].text == "[") break;
      if (code_[i].text == "(") return;  // DECLARE_X(...), static_assert(...)
      if (code_[i].kind == TokenKind::identifier) name = i, ++words;
    }
    const bool forward = code_[first].text == "struct" || code_[first].text == "union" || code_[first].text == "enum";
    if (name == none || words < (forward ? 3U : 2U)) return;  // "struct x;" has no members
    while (first < name && is_storage(code_[first].text)) ++first;
    add(NameKind::variable, name, "", one_line(code_, first, name + 1));
  }

  // struct NAME {, union NAME {, enum NAME {
  void aggregate(std::size_t first, std::size_t open) {
    const std::size_t close = view_.partner(open);
    std::size_t word = open;
    while (word > first && code_[word].text != "struct" && code_[word].text != "union" && code_[word].text != "enum")
      --word;
    const std::string_view what = code_[word].text;
    if (what != "enum" && what != "struct" && what != "union") return;
    std::size_t name = word + 1;
    while (name < open && code_[name].kind == TokenKind::identifier && code_[name].text.starts_with("__") &&
           view_.is(name + 1, "("))
      name = view_.partner(name + 1) + 1;
    std::string label;
    if (name < open && code_[name].kind == TokenKind::identifier) {
      label = std::string(what) + " " + std::string(code_[name].text);
      add(NameKind::type, name, std::string(what), label);
      found_.back().body = text_between(open, close);
    } else if (close + 1 < code_.size() && code_[close + 1].kind == TokenKind::identifier) {
      label = code_[close + 1].text;  // typedef struct { ... } name
    }
    if (what == "enum")
      constants(open, close);
    else
      members(open, close, label);
  }

  void constants(std::size_t open, std::size_t close) {
    bool start = true;
    for (std::size_t i = open + 1; i < close; ++i) {
      if (code_[i].kind == TokenKind::directive) continue;
      if (start && code_[i].kind == TokenKind::identifier) add(NameKind::constant, i, "", std::string(code_[i].text));
      if (code_[i].text == "(" && view_.partner(i) != none) i = view_.partner(i);
      start = code_[i].text == ",";
    }
  }

  void members(std::size_t open, std::size_t close, const std::string& of) {
    std::size_t from = open + 1;
    std::size_t inner = none;
    for (std::size_t i = open + 1; i < close; ++i) {
      if (code_[i].kind == TokenKind::directive) {
        macro(code_[i]);
        if (i == from) ++from;
        continue;
      }
      if (code_[i].text == "(" || code_[i].text == "[") {
        if (view_.partner(i) == none) return;
        // struct_group(name, members); and the like contain members.
        if (code_[i].text == "(" && i == from + 1 && code_[from].text.starts_with("struct_group")) {
          members(i, view_.partner(i), of);
        }
        i = view_.partner(i);
      } else if (code_[i].text == "{") {
        inner = i;
        i = view_.partner(i);
        if (i == none) return;
      } else if (code_[i].text == ";") {
        member(from, i, inner, of);
        from = i + 1;
        inner = none;
      }
    }
  }

  void member(std::size_t from, std::size_t to, std::size_t inner, const std::string& of) {
    if (inner != none) {
      const bool named_type = code_[inner - 1].text != "struct" && code_[inner - 1].text != "union" &&
                              code_[inner - 1].kind == TokenKind::identifier;
      const bool anonymous = view_.partner(inner) + 1 >= to ||
                             code_[view_.partner(inner) + 1].kind != TokenKind::identifier ||
                             code_[view_.partner(inner) + 1].text.starts_with("__");
      // The members of an anonymous structure belong to the outer one.
      members(inner, view_.partner(inner), anonymous ? of : named_type ? std::string(code_[inner - 1].text) : "");
      if (anonymous) return;
      from = view_.partner(inner) + 1;
    }
    for (std::size_t i = from; i < to; ++i) {  // a function pointer: TYPE (*name)(PARAMETERS)
      if (code_[i].text != "(" || i + 2 >= to || code_[i + 1].text != "*") continue;
      std::size_t name = i + 2;
      while (name + 1 < to && code_[name].kind == TokenKind::identifier &&
             code_[name + 1].kind == TokenKind::identifier)
        ++name;  // (*const x)
      const std::size_t parameters = view_.partner(i) + 1;
      if (code_[name].kind != TokenKind::identifier || parameters >= to || code_[parameters].text != "(") return;
      add(NameKind::field, name, of, one_line(code_, from, to));
      found_.back().callable = true;
      if (view_.partner(parameters) != none)
        found_.back().arguments = parameters_between(code_, parameters, view_.partner(parameters));
      return;
    }
    std::size_t name = none;
    std::size_t words = 0;
    for (std::size_t i = from; i <= to; ++i) {
      const std::string_view text = i < to ? code_[i].text : std::string_view(";");
      if (text == "(" && view_.partner(i) != none) {
        i = view_.partner(i);
      } else if (text == "," || text == ";" || text == ":" || text == "[") {
        if (name != none && (words > 1 || inner != none)) add(NameKind::field, name, of, one_line(code_, from, to));
        name = none;
        if (text != ",") i = text == ";" ? to : next_comma(i, to);
      } else if (code_[i].kind == TokenKind::identifier &&
                 !(code_[i].text.starts_with("__") && words > 1 && code_[i - 1].kind == TokenKind::identifier &&
                   view_.is(i + 1, "("))) {
        if (!code_[i].text.starts_with("____") && code_[i].text != "__rcu") name = i;
        ++words;
      }
    }
  }

  [[nodiscard]] std::size_t next_comma(std::size_t i, std::size_t to) const {
    while (i < to && code_[i].text != ",") ++i;
    return i;
  }

  transform::CodeView view_;
  const std::vector<transform::Token>& code_;
  std::vector<Declaration> found_;
};

}  // namespace

std::string_view name_kind_word(NameKind kind) {
  switch (kind) {
    case NameKind::function:
      return "function";
    case NameKind::field:
      return "field";
    case NameKind::type:
      return "type";
    case NameKind::macro:
      return "macro";
    case NameKind::constant:
      return "constant";
    case NameKind::variable:
      return "variable";
    case NameKind::header:
      return "header";
    case NameKind::symbol:
      return "symbol";
    case NameKind::name:
      break;
  }
  return "name";
}

std::vector<Declaration> declarations_in(std::string_view header) {
  return HeaderReader(header).run();
}

std::vector<std::string> arguments_of_type(std::string_view type) {
  const auto pointer = type.find("(*)");
  if (pointer == std::string_view::npos) return {};
  const transform::CodeView view(type.substr(pointer + 3));
  if (!view.is(0, "(") || view.partner(0) == none) return {};
  return parameters_between(view.code(), 0, view.partner(0));
}

}  // namespace vgpukit::diagnostics
