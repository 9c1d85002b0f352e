// What the text of a conftest snippet tells about compiling it beside others.
#include <algorithm>
#include <array>
#include <cctype>

#include "conftest/conftest_units.hpp"

namespace vgpukit::conftest {
namespace {

bool in_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

template <std::size_t n>
bool one_of(std::string_view word, const std::array<std::string_view, n>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_keyword(std::string_view word) {
  static constexpr std::array<std::string_view, 30> words = {
      "void",   "int",    "char",    "short",  "long",   "unsigned", "signed", "const",  "volatile", "static",
      "extern", "struct", "union",   "enum",   "return", "sizeof",   "if",     "else",   "while",    "for",
      "do",     "switch", "typedef", "inline", "NULL",   "bool",     "float",  "double", "offsetof", "defined"};
  return one_of(word, words);
}

struct Text {
  std::vector<std::string> tokens;      // identifiers and punctuation, without directives
  std::vector<std::string> directives;  // lines that begin with '#', joined, without the '#'
  bool whole = true;                    // comments and literals end
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
      if (line.find("/*") != std::string::npos) text.whole = false;
      text.directives.push_back(std::move(line));
    } else if (c == '"' || c == '\'') {
      line_start = false;
      for (++i; i < code.size() && code[i] != c && code[i] != '\n'; ++i)
        if (code[i] == '\\') ++i;
      if (i >= code.size() || code[i] != c) text.whole = false;
      text.tokens.emplace_back("\"");
      ++i;
    } else if (in_word(c)) {
      line_start = false;
      const auto begin = i;
      while (i < code.size() && in_word(code[i])) ++i;
      text.tokens.emplace_back(code.substr(begin, i - begin));
    } else {
      line_start = false;
      text.tokens.emplace_back(1, c);
      ++i;
    }
  }
  return text;
}

bool is_name(const std::string& token) {
  return in_word(token.front()) && std::isdigit(static_cast<unsigned char>(token.front())) == 0;
}

void look_at_directives(const std::vector<std::string>& directives, SnippetShape& shape) {
  std::vector<bool> known;  // for each open #if: may an #include stand in it?
  for (const auto& line : directives) {
    const auto begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos) continue;
    auto end = begin;
    while (end < line.size() && in_word(line[end])) ++end;
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
      if (open == std::string::npos || rest[open] != '<' || rest.find('>') == std::string::npos)
        shape.needs_own_unit = true;
      if (std::find(known.begin(), known.end(), false) != known.end()) shape.needs_own_unit = true;
    } else if (name != "error") {
      shape.needs_own_unit = true;  // a macro or a pragma would reach the neighbours
    }
  }
  if (!known.empty()) shape.needs_own_unit = true;
}

}  // namespace

bool asks_only_known_names(std::string_view condition) {
  for (std::size_t i = 0; i < condition.size();) {
    if (!in_word(condition[i])) {
      ++i;
      continue;
    }
    const auto begin = i;
    while (i < condition.size() && in_word(condition[i])) ++i;
    const auto word = condition.substr(begin, i - begin);
    if (std::isdigit(static_cast<unsigned char>(word.front())) == 0 && word != "defined" && !word.starts_with("NV_") &&
        !word.starts_with("CONFIG_"))
      return false;
  }
  return true;
}

SnippetShape shape_of(const ConftestSnippet& snippet) {
  SnippetShape shape;
  const Text text = read_text(snippet.code);
  if (!text.whole) shape.needs_own_unit = true;
  look_at_directives(text.directives, shape);

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
      // Back over the parameters to the name and what is in front of it.
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
    if (token == "}" && --braces == 0 && !returns) shape.late = true;  // -Wreturn-type comes after parsing
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
    if (!is_name(token)) continue;
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
