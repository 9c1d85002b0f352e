#include "transform/token_match.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "transform/dead_code.hpp"
#include "transform/source_tree.hpp"

namespace vgpukit::transform {
namespace {

using Kind = Token::Kind;

// What a wildcard stands for at most, in tokens. A file of "f(f(f(..." would take the square of its length.
constexpr std::size_t longest_capture = 1024;

constexpr std::string_view wildcard_prefix = "vgpukit_wildcard_";

bool is_wildcard_at(std::string_view text, std::size_t i) {
  return text[i] == '$' && i + 1 < text.size() && text[i + 1] >= '1' && text[i + 1] <= '9' &&
         (i + 2 >= text.size() || std::isdigit(static_cast<unsigned char>(text[i + 2])) == 0);
}

// Wildcards as identifiers, because "$1.foo" would be lexed as a number "1.foo". Strings and comments do not change.
std::string with_wildcard_names(std::string_view text) {
  std::string named;
  for (const Token& token : lex(text)) {
    const bool plain = token.kind == Kind::directive || (token.kind == Kind::unknown && token.text == "$");
    for (std::size_t i = token.offset; i < token.offset + token.text.size(); ++i) {
      if (plain && is_wildcard_at(text, i))
        named += " " + std::string(wildcard_prefix) + text[i + 1] + " \x01";
      else
        named += text[i];
    }
  }
  // The digit of a wildcard is also copied from the next token, after \x01. Both are removed.
  for (std::size_t at = named.find('\x01'); at != std::string::npos; at = named.find('\x01', at))
    named.erase(at, at + 1 < named.size() && std::isdigit(static_cast<unsigned char>(named[at + 1])) != 0 ? 2 : 1);
  return named;
}

bool is_boundary(const Token& token) {
  return token.kind == Kind::directive;
}

// Whether the parenthesis at `i` begins the parameters in `#define NAME(...)`, which look like code and are not.
bool begins_macro_parameters(const std::vector<Token>& row, std::size_t i) {
  return i >= 3 && row[i].text == "(" && row[i - 2].text == "define" && row[i - 3].kind == Kind::directive &&
         row[i].offset == row[i - 1].offset + row[i - 1].text.size();
}

}  // namespace

std::vector<Token> flat_tokens(std::string_view source) {
  std::vector<Token> row;
  std::vector<Token> all = lex(source);
  row.reserve(all.size() / 2);
  for (const Token& token : all) {
    if (token.kind == Kind::space || token.kind == Kind::comment) continue;
    if (token.kind != Kind::directive) {
      row.push_back(token);
      continue;
    }
    row.push_back({Kind::directive, token.text.substr(0, 1), token.offset, token.line});
    for (Token inner : lex_directive(token.text)) {
      inner.offset += token.offset;
      inner.line += token.line - 1;
      row.push_back(inner);
    }
    row.push_back(
        {Kind::directive, token.text.substr(token.text.size()), token.offset + token.text.size(), token.line});
  }
  return row;
}

Result<TokenPattern> TokenPattern::parse(std::string_view text, bool wildcards) {
  const auto refuse = [&](std::string why) {
    return Error{ErrorKind::usage, "search for the tokens `" + std::string(text) + "`", std::move(why), ""};
  };
  const std::string named = wildcards ? with_wildcard_names(text) : std::string(text);
  TokenPattern pattern;
  for (const Token& token : flat_tokens(named)) {
    Item item{std::string(token.text), token.kind, 0};
    if (wildcards && token.kind == Kind::identifier && token.text.starts_with(wildcard_prefix))
      item.wildcard = token.text.back() - '0';
    if (item.wildcard != 0 && !pattern.items_.empty() && pattern.items_.back().wildcard != 0)
      return refuse("two wildcards are next to each other: put a literal token between them");
    pattern.items_.push_back(std::move(item));
  }
  if (pattern.items_.empty()) return refuse("there is no token in it");
  if (pattern.items_.front().wildcard != 0) return refuse("it begins with a wildcard: put a literal token before it");
  if (pattern.items_.back().wildcard != 0) return refuse("it ends with a wildcard: put a literal token after it");
  return pattern;
}

void TokenPattern::open_ended() {
  if (items_.size() > 1 && items_.back().kind == Kind::directive && items_.back().text.empty()) items_.pop_back();
}

bool TokenPattern::match_wildcard(const std::vector<Token>& row, std::size_t at, std::size_t item,
                                  TokenMatch& found) const {
  TokenMatch::Capture& capture = found.captures[static_cast<std::size_t>(items_[item].wildcard)];
  if (capture.last > capture.first) {  // a second use: the same tokens
    const std::size_t length = capture.last - capture.first;
    if (at + length > row.size()) return false;
    for (std::size_t k = 0; k < length; ++k)
      if (row[capture.first + k].text != row[at + k].text) return false;
    return match(row, at + length, item + 1, found);
  }
  std::size_t depth = 0;
  const std::size_t end = std::min(row.size(), at + longest_capture);
  for (std::size_t j = at; j < end && !is_boundary(row[j]);) {
    const std::string_view text = row[j].text;
    const bool bracket = row[j].kind == Kind::punctuator;
    if (bracket && depth == 0 && (text == "," || text == ";")) break;
    if (bracket && (text == "(" || text == "[" || text == "{")) ++depth;
    if (bracket && (text == ")" || text == "]" || text == "}")) {
      if (depth == 0) break;
      --depth;
    }
    ++j;
    if (depth != 0) continue;
    TokenMatch attempt = found;
    attempt.captures[static_cast<std::size_t>(items_[item].wildcard)] = {at, j};
    if (!match(row, j, item + 1, attempt)) continue;
    found = attempt;
    return true;
  }
  return false;
}

bool TokenPattern::match(const std::vector<Token>& row, std::size_t at, std::size_t item, TokenMatch& found) const {
  for (; item < items_.size(); ++item, ++at) {
    if (items_[item].wildcard != 0) return match_wildcard(row, at, item, found);
    if (at >= row.size() || row[at].text != items_[item].text) return false;
    if ((row[at].kind == Kind::directive) != (items_[item].kind == Kind::directive)) return false;
  }
  found.last = at;
  return true;
}

std::vector<TokenMatch> TokenPattern::find(const std::vector<Token>& row) const {
  std::vector<TokenMatch> matches;
  for (std::size_t i = 0; i < row.size();) {
    TokenMatch found;
    found.first = i;
    if (row[i].text != items_.front().text || begins_macro_parameters(row, i) || !match(row, i, 0, found)) {
      ++i;
      continue;
    }
    i = found.last;
    matches.push_back(found);
  }
  return matches;
}

bool TokenPattern::may_be_in(std::string_view source) const {
  const Item* longest = nullptr;
  for (const Item& item : items_)
    if (item.wildcard == 0 && item.kind == Kind::identifier &&
        (longest == nullptr || item.text.size() > longest->text.size()))
      longest = &item;
  return longest == nullptr ||
         memmem(source.data(), source.size(), longest->text.data(), longest->text.size()) != nullptr;
}

bool TokenPattern::distinctive() const {
  return std::any_of(items_.begin(), items_.end(), [](const Item& item) {
    if (item.wildcard != 0) return false;
    return item.kind == Kind::string || (item.kind == Kind::identifier && !is_keyword(item.text));
  });
}

std::size_t TokenPattern::uses(int number) const {
  return static_cast<std::size_t>(
      std::count_if(items_.begin(), items_.end(), [&](const Item& item) { return item.wildcard == number; }));
}

Span span_of(const std::vector<Token>& row, std::size_t first, std::size_t last) {
  return {row[first].offset, row[last - 1].offset + row[last - 1].text.size()};
}

Work work_left(const std::vector<Token>& row, const TokenPattern& find, const std::optional<TokenPattern>& result) {
  const std::vector<TokenMatch> done = result ? result->find(row) : std::vector<TokenMatch>{};
  Work work;
  work.done = done.size();
  for (const TokenMatch& match : find.find(row)) {
    const bool covered = std::any_of(
        done.begin(), done.end(), [&](const TokenMatch& d) { return d.first <= match.first && match.last <= d.last; });
    if (!covered) work.todo.push_back(match);
  }
  return work;
}

bool begins_with_member(const std::vector<Token>& row, const TokenMatch& match) {
  return match.first > 0 && row[match.first].kind == Kind::identifier &&
         (row[match.first - 1].text == "." || row[match.first - 1].text == "->");
}

bool assigns(std::string_view expression) {
  static constexpr std::string_view operators[] = {
      "=", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="};
  const std::vector<Token> tokens = lex(expression);
  return std::any_of(tokens.begin(), tokens.end(), [](const Token& token) {
    return std::find(std::begin(operators), std::end(operators), token.text) != std::end(operators);
  });
}

bool is_keyword(std::string_view identifier) {
  static constexpr std::string_view words[] = {
      "auto",   "break",    "case",     "char",   "const",    "continue", "default",  "do",     "double",
      "else",   "enum",     "extern",   "float",  "for",      "goto",     "if",       "inline", "int",
      "long",   "register", "restrict", "return", "short",    "signed",   "sizeof",   "static", "struct",
      "switch", "typedef",  "typeof",   "union",  "unsigned", "void",     "volatile", "while",  "define",
      "ifdef",  "ifndef",   "elif",     "endif",  "undef",    "defined",  "include",  "NULL"};
  return std::find(std::begin(words), std::end(words), identifier) != std::end(words);
}

TokenSearch::TokenSearch(std::string_view tokens) {
  auto pattern = TokenPattern::parse(tokens, true);
  if (!pattern) return;  // no tokens: it is found nowhere
  pattern->open_ended();
  pattern_ = std::move(*pattern);
}

std::optional<int> TokenSearch::in(const SourceTree& tree, std::string_view path) const {
  const auto source = tree.read(path);
  if (!source || !pattern_ || !pattern_->may_be_in(*source)) return std::nullopt;
  const auto tokens = tree.tokens(path);
  const auto matches = pattern_->find(*tokens);
  return matches.empty() ? std::nullopt : std::optional((*tokens)[matches.front().first].line);
}

std::optional<int> TokenSearch::in(const SourceTree& tree, std::string_view path, const Version& kernel) const {
  const auto source = tree.read(path);
  if (!source || !may_have_dead_code(*source)) return in(tree, path);
  if (!pattern_ || !pattern_->may_be_in(*source)) return std::nullopt;
  const auto tokens = tree.tokens(path);
  const auto dead = dead_code(*tokens, kernel);
  for (const TokenMatch& match : pattern_->find(*tokens)) {
    const Token& token = (*tokens)[match.first];
    const auto covers = [&](const Span& span) { return span.begin <= token.offset && token.offset < span.end; };
    if (std::none_of(dead.begin(), dead.end(), covers)) return token.line;
  }
  return std::nullopt;
}

}  // namespace vgpukit::transform
