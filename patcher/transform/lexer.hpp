// The C lexer of all structural transforms. It reads comments, strings, character constants, continuation lines and
// preprocessor lines. The texts of the tokens together are the source again.
#pragma once

#include <cstddef>
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
    directive,  // a preprocessor line with its continuation lines ("#if defined(X) \\\n && Y"), without the final
                // newline
    comment,    // /* */ or //, with continuation lines
    space,      // blanks, newlines, backslash-newline
    unknown,    // an unterminated string or comment to the end of the line or file, or a byte that C does not have
  };
  Kind kind;
  std::string_view text;  // points into the source
  std::size_t offset;     // of the first byte
  int line;               // from 1
};

// Never fails: bad input gives `unknown` tokens. A directive is one token; lex_directive() gives the tokens in it.
std::vector<Token> lex(std::string_view source);
// The tokens after '#' in a directive's text ("if", "defined", "(", "X", ...), without comments and space. The <name>
// of an #include is one token of kind string. Offsets and lines are relative to the directive.
std::vector<Token> lex_directive(std::string_view directive);

}  // namespace vgpukit::transform
