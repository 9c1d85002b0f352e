// For any input the tokens concatenate to the input, and the functions built on the lexer do not crash.
#include "diagnostics/declarations.hpp"
#include "fuzz.hpp"
#include "transform/code_view.hpp"
#include "transform/lexer.hpp"
#include "transform/makefile.hpp"
#include "transform/token_match.hpp"

namespace vgpukit::fuzz {

namespace {

void run_lexer(const std::string& input) {
  using namespace transform;
  std::string joined;
  for (const Token& token : lex(input)) joined += token.text;
  require(joined == input);

  const CodeView view(input);
  for (std::size_t i = 0; i < view.code().size(); ++i)
    require(view.partner(i) == CodeView::npos || view.partner(view.partner(i)) == i);
  static_cast<void>(view.functions("f"));
  static_cast<void>(diagnostics::declarations_in(input));

  // The first line is a pattern for the rest.
  const std::size_t newline = input.find('\n');
  if (newline == std::string::npos) return;
  if (const auto pattern = TokenPattern::parse(input.substr(0, newline), true))
    static_cast<void>(pattern->find(flat_tokens(std::string_view(input).substr(newline + 1))));
}

std::vector<std::string> lexer_seeds() {
  auto all = texts_of("kbuild/reference-driver", ".c");
  all.emplace_back("f($x, ...)\nint f(int a) { return f(1, \"a\\\"\") + '\\''; }\n#if 1 /* x */\n#endif // y\n");
  return all;
}

}  // namespace

const Target lexer = {"lexer", run_lexer, lexer_seeds};

}  // namespace vgpukit::fuzz
