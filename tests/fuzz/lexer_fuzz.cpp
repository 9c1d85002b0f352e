// libFuzzer: for any input the tokens concatenate to the input, and the functions built on the lexer do not crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "transform/code_view.hpp"
#include "transform/lexer.hpp"
#include "transform/makefile.hpp"
#include "transform/token_match.hpp"

using namespace vgpukit::transform;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(data, data + size);
  std::string joined;
  for (const Token& token : lex(input)) joined += token.text;
  if (joined != input) std::abort();

  const CodeView view(input);
  for (std::size_t i = 0; i < view.code().size(); ++i)
    if (view.partner(i) != CodeView::npos && view.partner(view.partner(i)) != i) std::abort();
  (void)view.functions("f");

  // The first line is a pattern for the rest.
  const std::size_t newline = input.find('\n');
  if (newline != std::string::npos) {
    const std::string_view rest = std::string_view(input).substr(newline + 1);
    if (const auto pattern = TokenPattern::parse(input.substr(0, newline), true))
      (void)pattern->find(flat_tokens(rest));
  }
  const Makefile makefile = read_makefile(input);
  for (const auto& assignment : makefile.assignments) (void)makefile.value_words(assignment);
  return 0;
}
