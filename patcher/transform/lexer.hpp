// The one C lexer that all structural transforms share. It knows comments, strings, character constants, continuation
// lines and preprocessor lines, and keeps every byte: the pieces put together are the file again.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace vgpukit::transform {

struct Token {
  enum class Kind {
    identifier,
    number,
    string,
    character,
    punctuator,
    directive,  // a whole preprocessor line with its continuation lines ("#if defined(X) \\\n && Y"), without the final
                // newline
    comment,    // /* */ or //, with continuation lines
    space,      // blanks, newlines, backslash-newline
    unknown,    // an unterminated string or comment to the end of the line or file, a stray byte
  };
  Kind kind;
  std::string_view text;  // points into the source
  std::size_t offset;     // of the first byte
  int line;               // from 1
};

// Never fails: bad input gives `unknown` tokens. Identifiers inside a directive are not tokens of their own; see
// lex_directive().
std::vector<Token> lex(std::string_view source);
// The tokens after '#' in a directive's text ("if", "defined", "(", "X", ...), without comments and space. The <name>
// of an #include is one token of kind string. Offsets and lines are relative to the directive.
std::vector<Token> lex_directive(std::string_view directive);

// The tokens that the compiler sees (no comments and no space), with the brackets matched.
class CodeView {
 public:
  explicit CodeView(std::string_view source);
  [[nodiscard]] std::string_view source() const { return source_; }
  [[nodiscard]] const std::vector<Token>& code() const { return code_; }  // directives included
  // For a '(' '[' '{' at index i the index of its partner (and the other way round); npos where brackets do not match.
  // Directives in between (#if in a function body) are stepped over; where both branches of an #if/#else open a brace,
  // only the first branch counts.
  [[nodiscard]] std::size_t partner(std::size_t i) const { return partner_[i]; }
  // How many braces are open around token i (an `extern "C" {` does not count): 0 is file scope.
  [[nodiscard]] std::size_t depth(std::size_t i) const { return depth_[i]; }
  [[nodiscard]] bool is(std::size_t i, std::string_view text) const {
    return i < code_.size() && code_[i].text == text;
  }
  // The index of the definition's opening brace for each function of that name defined at file scope (name, parameter
  // list, attributes, '{'), with the index of its first token (where `static inline int` starts).
  struct Function {
    std::size_t first;
    std::size_t name;
    std::size_t open;
    std::size_t close;
  };
  [[nodiscard]] std::vector<Function> functions(std::string_view name) const;
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

 private:
  std::string_view source_;
  std::vector<Token> code_;
  std::vector<std::size_t> partner_;
  std::vector<std::size_t> depth_;
};

// Looks for an identifier or a sequence of tokens ("MODULE_LICENSE ( \"NVIDIA\" )") in code and in directives, not in
// comments and strings. White space and comments between tokens do not matter. What is looked for may be the beginning
// of a directive ("#define NV_X"). It is taken apart once, and so is each file of a tree.
class SourceTree;
class TokenSearch {
 public:
  explicit TokenSearch(std::string_view tokens);
  ~TokenSearch();
  TokenSearch(const TokenSearch&) = delete;
  TokenSearch& operator=(const TokenSearch&) = delete;
  // `path`: a file that the tree has; false where it has none.
  [[nodiscard]] bool in(const SourceTree& tree, std::string_view path) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Edits that are collected against the unchanged source and applied together. Overlapping edits are a bug in the
// transform.
class TextEdits {
 public:
  void replace(std::size_t offset, std::size_t length, std::string text);
  [[nodiscard]] bool empty() const { return edits_.empty(); }
  [[nodiscard]] std::size_t size() const { return edits_.size(); }
  [[nodiscard]] std::string apply(std::string_view source) const;

 private:
  struct Edit {
    std::size_t offset, length;
    std::string text;
  };
  std::vector<Edit> edits_;
};

}  // namespace vgpukit::transform
