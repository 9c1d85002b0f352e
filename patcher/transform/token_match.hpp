// Finds sequences of tokens, in code and inside directives, with $1..$9 as wildcards.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"
#include "support/version.hpp"
#include "transform/lexer.hpp"

namespace vgpukit::transform {

class SourceTree;

// The tokens of code and of the insides of directives in one sequence. A directive begins with a token of kind
// directive with the text "#" and ends with one with an empty text, so that no match in code extends over a directive.
std::vector<Token> flat_tokens(std::string_view source);

struct TokenMatch {
  std::size_t first = 0;  // index of the first token
  std::size_t last = 0;   // after the last one
  struct Capture {
    std::size_t first = 0, last = 0;
  };  // the same for $1..$9; empty if the pattern has no such wildcard
  std::array<Capture, 10> captures = {};
};

class TokenPattern {
 public:
  // `text` is C. $1..$9 match one balanced expression or argument each: at least one token, no ',' or ';' outside of
  // brackets. A second use of a wildcard matches the same tokens. Error: usage if there are no tokens, or if a wildcard
  // is at either end or next to another one (its end would not be defined).
  static Result<TokenPattern> parse(std::string_view text, bool wildcards);

  // All matches from the left that do not overlap.
  [[nodiscard]] std::vector<TokenMatch> find(const std::vector<Token>& row) const;
  // Whether the text has the pattern's longest identifier. Much faster than find(), which needs tokens.
  [[nodiscard]] bool may_be_in(std::string_view source) const;
  // Whether the pattern has a name that distinguishes it from other code: an identifier that is not a keyword, or a
  // string.
  [[nodiscard]] bool distinctive() const;
  [[nodiscard]] std::size_t uses(int number) const;  // of that wildcard
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

// The matches of `find` that are not part of a match of `result`, and the number of matches of `result`.
struct Work {
  std::vector<TokenMatch> todo;
  std::size_t done = 0;
};
Work work_left(const std::vector<Token>& row, const TokenPattern& find, const std::optional<TokenPattern>& result);

// Searches files for an identifier or a sequence of tokens ("MODULE_LICENSE ( \"NVIDIA\" )"), in code and in
// directives, not in comments and strings. White space and comments between tokens do not matter. The tokens may be the
// beginning of a directive ("#define NV_X"), and may have the wildcards of TokenPattern ("f($1, NULL)"). They are
// parsed once, as is each file of a tree.
class TokenSearch {
 public:
  explicit TokenSearch(std::string_view tokens);
  // The line of the first match; nothing if there is none, or no such file.
  [[nodiscard]] std::optional<int> in(const SourceTree& tree, std::string_view path) const;
  // The same for the first match that does not begin in the dead code of this kernel (dead_code.hpp).
  [[nodiscard]] std::optional<int> in(const SourceTree& tree, std::string_view path, const Version& kernel) const;

 private:
  std::optional<TokenPattern> pattern_;
};

bool is_keyword(std::string_view identifier);
// Whether the match begins with the name of a member (`x->name`): then it is only a part of the expression.
bool begins_with_member(const std::vector<Token>& row, const TokenMatch& match);
// Whether an expression has an assignment, ++ or --: it must not be computed more often than before.
bool assigns(std::string_view expression);

}  // namespace vgpukit::transform
