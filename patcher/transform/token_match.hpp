// Finding sequences of tokens, in code and inside directives, with $1..$9 as wildcards.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"
#include "transform/lexer.hpp"

namespace vgpukit::transform {

// Code and the insides of directives in one row. A directive begins with a token of kind directive with the text "#"
// and ends with one with an empty text, so that nothing that is looked for in code can reach over it.
std::vector<Token> flat_tokens(std::string_view source);

struct TokenMatch {
  std::size_t first = 0;  // index of the first token in the row
  std::size_t last = 0;   // one behind the last
  struct Capture {
    std::size_t first = 0, last = 0;
  };  // the same for $1..$9; empty where the pattern has no such wildcard
  std::array<Capture, 10> captures = {};
};

class TokenPattern {
 public:
  // `text` is C. $1..$9 match one balanced expression or argument each: at least one token, no ',' or ';' outside of
  // brackets. A wildcard that comes again must match the same tokens again. Error: usage - no tokens, a wildcard at
  // either end or next to another one (it would not know where to stop).
  static Result<TokenPattern> parse(std::string_view text, bool wildcards);

  // All matches, from the left, none of which overlaps the one before.
  [[nodiscard]] std::vector<TokenMatch> find(const std::vector<Token>& row) const;
  // Whether the text has the pattern's longest identifier anywhere: much faster than lexing.
  [[nodiscard]] bool may_be_in(std::string_view source) const;
  // Whether the pattern names anything that tells one piece of code from another: an identifier that is no keyword, or
  // a string.
  [[nodiscard]] bool distinctive() const;
  [[nodiscard]] bool has_wildcard(int number) const;
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] std::string_view word(std::size_t i) const { return items_[i].text; }
  // Lets a pattern that ends with a directive match the beginning of a longer one.
  void open_ended();

 private:
  struct Item {
    std::string text;
    Token::Kind kind = Token::Kind::unknown;
    int wildcard = 0;
  };
  bool match(const std::vector<Token>& row, std::size_t at, std::size_t item, TokenMatch& match) const;
  bool match_wildcard(const std::vector<Token>& row, std::size_t at, std::size_t item, TokenMatch& match) const;
  std::vector<Item> items_;
};

// Bytes of the source that a match covers.
struct Span {
  std::size_t begin = 0, end = 0;
};
Span span_of(const std::vector<Token>& row, std::size_t first, std::size_t last);

// The matches of `find` that are not part of a match of `result`: what is left to do once some of it is done.
struct Work {
  std::vector<TokenMatch> todo;
  std::size_t done = 0;
};
Work work_left(const std::vector<Token>& row, const TokenPattern& find, const std::optional<TokenPattern>& result);

bool is_keyword(std::string_view identifier);

}  // namespace vgpukit::transform
