#include "conftest/conftest_snippet.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

#include "support/text.hpp"

namespace vgpukit::conftest {
namespace {

bool is_keyword(std::string_view word) {
  static constexpr std::string_view words[] = {
      "void",   "int",    "char",    "short",  "long",   "unsigned", "signed", "const",  "volatile", "static",
      "extern", "struct", "union",   "enum",   "return", "sizeof",   "if",     "else",   "while",    "for",
      "do",     "switch", "typedef", "inline", "NULL",   "bool",     "float",  "double", "offsetof", "defined"};
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

struct Text {
  std::vector<std::string> tokens;      // identifiers and punctuation, without directives
  std::vector<std::string> directives;  // lines that begin with '#', without the '#'; continued lines are joined
  bool whole = true;                    // every comment and literal ends
};

Text read_text(std::string_view code) {
  Text text;
  bool line_start = true;
  for (std::size_t i = 0; i < code.size();) {
    const char c = code[i];
    const auto rest = code.substr(i);
    if (c == '\n') {
      line_start = true;
      ++i;
    } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++i;
    } else if (rest.starts_with("/*")) {
      const auto end = code.find("*/", i + 2);
      if (end == std::string_view::npos) text.whole = false;
      i = end == std::string_view::npos ? code.size() : end + 2;
    } else if (rest.starts_with("//")) {
      i = std::min(code.find('\n', i), code.size());
    } else if (c == '#' && line_start) {
      std::string line;
      for (++i; i < code.size() && (code[i] != '\n' || line.ends_with('\\')); ++i) {
        if (code[i] == '\n')
          line.back() = ' ';
        else
          line += code[i];
      }
      if (contains(line, "/*")) text.whole = false;
      text.directives.push_back(std::move(line));
    } else if (c == '"' || c == '\'') {
      line_start = false;
      for (++i; i < code.size() && code[i] != c && code[i] != '\n'; ++i)
        if (code[i] == '\\') ++i;
      if (i >= code.size() || code[i] != c) text.whole = false;
      text.tokens.emplace_back("\"");
      ++i;
    } else if (is_identifier_character(c)) {
      line_start = false;
      const auto begin = i;
      while (i < code.size() && is_identifier_character(code[i])) ++i;
      text.tokens.emplace_back(code.substr(begin, i - begin));
    } else {
      line_start = false;
      text.tokens.emplace_back(1, c);
      ++i;
    }
  }
  return text;
}

void read_directives(const std::vector<std::string>& directives, SnippetShape& shape) {
  std::vector<bool> known;  // for each open #if: whether it may contain an #include
  for (const auto& line : directives) {
    const auto begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos) continue;
    auto end = begin;
    while (end < line.size() && is_identifier_character(line[end])) ++end;
    const std::string name = line.substr(begin, end - begin);
    const std::string rest = line.substr(end);
    if (name == "if" || name == "ifdef" || name == "ifndef") {
      known.push_back(asks_only_known_names(rest));
    } else if (name == "elif") {
      if (known.empty() || !known.back() || !asks_only_known_names(rest)) shape.needs_own_unit = true;
    } else if (name == "else" || name == "endif") {
      if (known.empty())
        shape.needs_own_unit = true;
      else if (name == "endif")
        known.pop_back();
    } else if (name == "include") {
      const auto open = rest.find_first_not_of(" \t");
      if (open == std::string::npos || rest[open] != '<' || !contains(rest, ">")) shape.needs_own_unit = true;
      if (std::find(known.begin(), known.end(), false) != known.end()) shape.needs_own_unit = true;
    } else if (name != "error") {
      shape.needs_own_unit = true;  // a macro or a pragma affects the other snippets of the unit
    }
  }
  if (!known.empty()) shape.needs_own_unit = true;
}

}  // namespace

bool asks_only_known_names(std::string_view condition) {
  bool known = true;
  for_each_word(condition, [&](std::string_view word, std::size_t) {
    known =
        known && (!is_identifier(word) || word == "defined" || word.starts_with("NV_") || word.starts_with("CONFIG_"));
  });
  return known;
}

SnippetShape shape_of(const ConftestSnippet& snippet) {
  SnippetShape shape;
  const Text text = read_text(snippet.code);
  if (!text.whole) shape.needs_own_unit = true;
  read_directives(text.directives, shape);

  const auto& tokens = text.tokens;
  const auto at = [&](std::size_t i) { return i < tokens.size() ? std::string_view(tokens[i]) : std::string_view(); };
  int braces = 0;
  int parens = 0;
  bool plain = true;       // the declaration at file scope has neither '(' nor '='
  bool something = false;  // it has a name
  bool returns = true;     // the function has a return statement, or needs none
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::string& token = tokens[i];
    if (token == "{" && braces++ == 0) {
      // Goes back over the parameters to the function's name and its type.
      std::size_t k = i;
      int depth = 0;
      while (k > 0 && (depth > 0 || k == i)) {
        --k;
        if (tokens[k] == ")") ++depth;
        if (tokens[k] == "(") --depth;
      }
      returns = at(i - 1) != ")" || (k > 1 && tokens[k - 2] == "void");
    }
    if (token == "return") returns = true;
    if (token == "}" && --braces == 0 && !returns)
      shape.late = true;  // the compiler checks -Wreturn-type after parsing
    if (token == "(" || token == "[") ++parens;
    if (token == ")" || token == "]") --parens;
    if (braces < 0 || parens < 0) shape.needs_own_unit = true;
    const bool file_scope = braces == 0 && parens == 0;
    if (file_scope && token == ";") {
      shape.tentative = shape.tentative || (plain && something);
      plain = true;
      something = false;
    }
    if (file_scope && token == "}") {
      plain = true;
      something = false;
    }
    if (braces == 0 && (token == "(" || token == "=")) plain = false;
    if (!is_identifier(token)) continue;
    if (token == "asm" || token.starts_with("__asm")) shape.needs_own_unit = true;
    if (braces > 0 && (token == "if" || token == "while" || token == "for" || token == "switch" || token == "do"))
      shape.late = true;
    if (braces > 0 && parens == 0 && (at(i - 1) == "{" || at(i - 1) == ";") && token != "return" && at(i + 1) != "(")
      shape.locals = true;
    if (braces == 0) something = true;
    const std::string_view before = i > 0 ? at(i - 1) : std::string_view();
    if (is_keyword(token)) continue;
    shape.uses.insert(token);
    const bool member = before == "." || (before == ">" && i > 1 && at(i - 2) == "-");
    const bool tag = before == "struct" || before == "union" || before == "enum";
    if (member || tag) continue;
    const bool call = at(i + 1) == "(";
    const bool cast = before == ")" && i > 2 && at(i - 2) == "void" && at(i - 3) == "(";
    if (call || cast || file_scope) shape.exclusive_names.insert(token);
    if (call && braces > 0 && !snippet.inverted) shape.late = true;
  }
  if (braces != 0 || parens != 0) shape.needs_own_unit = true;
  return shape;
}

}  // namespace vgpukit::conftest
