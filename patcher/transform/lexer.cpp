#include "transform/lexer.hpp"

#include <algorithm>
#include <array>

#include "support/text.hpp"

namespace vgpukit::transform {
namespace {

using Kind = Token::Kind;

bool is_space(char c) {
  return white_space.find(c) != std::string_view::npos;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool starts_identifier(char c) {
  return is_identifier_character(c) && !is_digit(c);
}

// Longest first.
constexpr std::array<std::string_view, 23> long_punctuators = {"...", "<<=", ">>=", "->", "++", "--", "<<", ">>",
                                                               "<=",  ">=",  "==",  "!=", "&&", "||", "*=", "/=",
                                                               "%=",  "+=",  "-=",  "&=", "^=", "|=", "##"};

class Lexer {
 public:
  explicit Lexer(std::string_view source, bool directives)
      : source_(source), line_start_(directives), directives_(directives) {}

  std::vector<Token> run() {
    tokens_.reserve(source_.size() / 4);
    while (at_ < source_.size()) next();
    return std::move(tokens_);
  }

  // Takes the <name> of an #include, if there is one at the current position.
  bool header_name() {
    const std::size_t end = source_.find_first_of(">\n", at_);
    if (peek(0) != '<' || end == std::string_view::npos || source_[end] != '>') return false;
    emit(Kind::string, end + 1);
    return true;
  }
  bool done() const { return at_ >= source_.size(); }
  void next();
  const Token& last() const { return tokens_.back(); }
  std::vector<Token> take() { return std::move(tokens_); }

 private:
  char peek(std::size_t ahead) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }
  // The length of a backslash-newline at `i`, or 0. As for the compilers, there may be blanks between the two.
  std::size_t splice(std::size_t i) const {
    if (i >= source_.size() || source_[i] != '\\') return 0;
    const std::size_t end = source_.find_first_not_of(" \t\f\v\r", i + 1);
    return end != std::string_view::npos && source_[end] == '\n' ? end + 1 - i : 0;
  }
  bool newline_at(std::size_t i) const {
    return source_[i] == '\n' || (source_[i] == '\r' && i + 1 < source_.size() && source_[i + 1] == '\n');
  }
  void emit(Kind kind, std::size_t end) {
    const std::string_view text = source_.substr(at_, end - at_);
    tokens_.push_back({kind, text, at_, line_});
    if (kind == Kind::space || kind == Kind::comment || kind == Kind::directive || kind == Kind::string ||
        kind == Kind::character || kind == Kind::unknown)
      line_ += static_cast<int>(std::count(text.begin(), text.end(), '\n'));
    if (kind != Kind::space && kind != Kind::comment) line_start_ = false;
    at_ = end;
  }
  // The end of the logical line around `i`, with continuation lines and without the newline.
  std::size_t logical_line_end(std::size_t i) const {
    for (; i < source_.size(); ++i) {
      if (const std::size_t n = splice(i))
        i += n - 1;
      else if (newline_at(i))
        return i;
    }
    return i;
  }
  // The end of the comment that starts at `i`. Sets `closed`.
  std::size_t block_comment_end(std::size_t i, bool& closed) const {
    const std::size_t end = source_.find("*/", i + 2);
    closed = end != std::string_view::npos;
    return closed ? end + 2 : source_.size();
  }
  // The end of the string that starts with the quote at `i`, or of its logical line if it is not closed. Sets `closed`.
  std::size_t quoted_end(std::size_t i, bool& closed) const {
    const char quote = source_[i];
    for (++i; i < source_.size(); ++i) {
      if (const std::size_t n = splice(i))
        i += n - 1;
      else if (newline_at(i))
        break;
      else if (source_[i] == '\\' && i + 1 < source_.size() && !newline_at(i + 1))
        ++i;
      else if (source_[i] == quote)
        return closed = true, i + 1;
    }
    closed = false;
    return std::min(i, source_.size());
  }
  std::size_t directive_end() const;
  std::size_t space_end();
  std::size_t number_end() const;

  std::string_view source_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_start_;
  bool directives_;
  std::vector<Token> tokens_;
};

std::size_t Lexer::directive_end() const {
  std::size_t i = at_;
  bool closed = true;
  while (i < source_.size()) {
    const char c = source_[i];
    if (const std::size_t n = splice(i))
      i += n;
    else if (newline_at(i))
      return i;
    else if (c == '/' && i + 1 < source_.size() && source_[i + 1] == '*')
      i = block_comment_end(i, closed);
    else if (c == '/' && i + 1 < source_.size() && source_[i + 1] == '/')
      return logical_line_end(i);
    else if (c == '"' || c == '\'')
      i = quoted_end(i, closed);
    else
      ++i;
  }
  return i;
}

std::size_t Lexer::space_end() {
  std::size_t i = at_;
  while (i < source_.size()) {
    const char c = source_[i];
    if (const std::size_t n = splice(i)) {
      i += n;
      continue;
    }
    if (c == '\n')
      line_start_ = directives_;
    else if (!is_space(c))
      break;
    ++i;
  }
  return i;
}

// A preprocessing number: 0x1F, 1.5e+3, .5f, 10UL.
std::size_t Lexer::number_end() const {
  std::size_t i = at_ + 1;
  for (; i < source_.size(); ++i) {
    const char c = source_[i];
    const char before = source_[i - 1];
    if (is_identifier_character(c) || c == '.') continue;
    if ((c == '+' || c == '-') && (before == 'e' || before == 'E' || before == 'p' || before == 'P')) continue;
    break;
  }
  return i;
}

void Lexer::next() {
  const char c = peek(0);
  bool closed = true;
  if (is_space(c) || splice(at_) > 0) return emit(Kind::space, space_end());
  if (starts_identifier(c)) {
    std::size_t end = at_ + 1;
    while (end < source_.size() && is_identifier_character(source_[end])) ++end;
    return emit(Kind::identifier, end);
  }
  if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return emit(Kind::number, number_end());
  if (c == '/' && peek(1) == '*') {
    const std::size_t end = block_comment_end(at_, closed);
    return emit(closed ? Kind::comment : Kind::unknown, end);
  }
  if (c == '/' && peek(1) == '/') return emit(Kind::comment, logical_line_end(at_));
  if (c == '"' || c == '\'') {
    const std::size_t end = quoted_end(at_, closed);
    return emit(!closed ? Kind::unknown : c == '"' ? Kind::string : Kind::character, end);
  }
  if (c == '#' && line_start_) return emit(Kind::directive, directive_end());
  for (const std::string_view text : long_punctuators)
    if (source_.substr(at_, text.size()) == text) return emit(Kind::punctuator, at_ + text.size());
  constexpr std::string_view single = "()[]{}<>.,;:?=+-*/%&|^!~#";
  emit(single.find(c) != std::string_view::npos ? Kind::punctuator : Kind::unknown, at_ + 1);
}

}  // namespace

std::vector<Token> lex(std::string_view source) {
  return Lexer(source, true).run();
}

std::vector<Token> lex_directive(std::string_view directive) {
  if (directive.empty() || directive.front() != '#') return {};
  Lexer lexer(directive, false);
  lexer.next();
  bool first = true;
  bool include = false;
  while (!lexer.done()) {
    if (include && lexer.header_name()) {
      include = false;
      continue;
    }
    lexer.next();
    if (lexer.last().kind == Kind::space || lexer.last().kind == Kind::comment) continue;
    include = first && (lexer.last().text == "include" || lexer.last().text == "include_next");
    first = false;
  }
  std::vector<Token> tokens = lexer.take();
  // Without the '#', or "##", which is not a directive.
  tokens.erase(tokens.begin());
  std::erase_if(tokens, [](const Token& token) { return token.kind == Kind::space || token.kind == Kind::comment; });
  return tokens;
}

}  // namespace vgpukit::transform
