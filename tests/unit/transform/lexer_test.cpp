#include "transform/lexer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "transform/code_view.hpp"
#include "transform/source_tree.hpp"
#include "transform/token_match.hpp"

namespace vgpukit::transform {
namespace {

using Kind = Token::Kind;

std::string concatenated(const std::vector<Token>& tokens) {
  std::string all;
  for (const Token& token : tokens) all += token.text;
  return all;
}

// What holds for any input: the tokens are the source again, and offsets and lines are right.
void expect_sound(std::string_view source) {
  const std::vector<Token> tokens = lex(source);
  ASSERT_EQ(concatenated(tokens), source);
  std::size_t offset = 0;
  int line = 1;
  for (const Token& token : tokens) {
    ASSERT_FALSE(token.text.empty());
    ASSERT_EQ(token.offset, offset);
    ASSERT_EQ(token.text.data(), source.data() + offset);
    ASSERT_EQ(token.line, line);
    offset += token.text.size();
    line += static_cast<int>(std::count(token.text.begin(), token.text.end(), '\n'));
  }
}

std::vector<std::string> code(std::string_view source) {
  std::vector<std::string> texts;
  const CodeView view(source);
  for (const Token& token : view.code()) texts.emplace_back(token.text);
  return texts;
}

std::vector<std::string> directive(std::string_view text) {
  std::vector<std::string> texts;
  for (const Token& token : lex_directive(text)) texts.emplace_back(token.text);
  return texts;
}

using Texts = std::vector<std::string>;

TEST(Lexer, SplitsCode) {
  EXPECT_EQ(code("x->y+=0x1Fu<<2;"), (Texts{"x", "->", "y", "+=", "0x1Fu", "<<", "2", ";"}));
  EXPECT_EQ(code("f(a, ...)"), (Texts{"f", "(", "a", ",", "...", ")"}));
  EXPECT_EQ(code("1.5e+3f .5 1..2"), (Texts{"1.5e+3f", ".5", "1..2"}));
  EXPECT_EQ(code("a/b"), (Texts{"a", "/", "b"}));
}

TEST(Lexer, KnowsStringsAndCharacters) {
  const std::vector<Token> tokens = lex(R"("a \" /* no */" '\'' '"')");
  ASSERT_EQ(tokens.size(), 5U);
  EXPECT_EQ(tokens[0].kind, Kind::string);
  EXPECT_EQ(tokens[0].text, R"("a \" /* no */")");
  EXPECT_EQ(tokens[2].kind, Kind::character);
  EXPECT_EQ(tokens[4].text, "'\"'");
}

TEST(Lexer, StringsGoOnOverAContinuationLine) {
  const std::vector<Token> tokens = lex("\"a\\\nb\" c");
  EXPECT_EQ(tokens[0].kind, Kind::string);
  EXPECT_EQ(tokens[0].text, "\"a\\\nb\"");
  EXPECT_EQ(tokens.back().line, 2);
  EXPECT_EQ(lex("\"a\\\r\nb\"")[0].kind, Kind::string);
}

TEST(Lexer, UnterminatedStringsEndWithTheirLine) {
  const std::vector<Token> tokens = lex("don't\nx");
  EXPECT_EQ(tokens[1].kind, Kind::unknown);
  EXPECT_EQ(tokens[1].text, "'t");
  EXPECT_EQ(tokens.back().text, "x");
  EXPECT_EQ(lex("\"abc\r\nx")[0].text, "\"abc");
  EXPECT_EQ(lex("\"abc\\")[0].kind, Kind::unknown);
}

TEST(Lexer, CommentsHideEverything) {
  EXPECT_EQ(code("a /* b \" # */ c // d \\\n e\nf"), (Texts{"a", "c", "f"}));
  EXPECT_EQ(lex("/* never closed\nx")[0].kind, Kind::unknown);
  EXPECT_EQ(code("a /**/ b /* * / */"), (Texts{"a", "b"}));
}

TEST(Lexer, DirectivesAreWholeLogicalLines) {
  EXPECT_EQ(code("#if defined(X) \\\n && Y\nz"), (Texts{"#if defined(X) \\\n && Y", "z"}));
  EXPECT_EQ(code("  #  define A /* one\n two */ 1\nz"), (Texts{"#  define A /* one\n two */ 1", "z"}));
  EXPECT_EQ(code("#define A \"/*\"\nz */"), (Texts{"#define A \"/*\"", "z", "*", "/"}));
  EXPECT_EQ(code("/* c */ #undef A\r\nz"), (Texts{"#undef A", "z"}));
  EXPECT_EQ(code("a # b"), (Texts{"a", "#", "b"}));
  // The compilers take blanks behind the backslash.
  EXPECT_EQ(code("#define A b \\ \t\n c\nz"), (Texts{"#define A b \\ \t\n c", "z"}));
  EXPECT_EQ(code("#error don't\nz"), (Texts{"#error don't", "z"}));
  EXPECT_EQ(code("#endif // X \\\n more\nz"), (Texts{"#endif // X \\\n more", "z"}));
}

TEST(Lexer, InsideOfADirective) {
  EXPECT_EQ(directive("#if defined(X) /* c */ \\\n && Y // d"), (Texts{"if", "defined", "(", "X", ")", "&&", "Y"}));
  EXPECT_EQ(directive("# include <linux/mm.h> /* x */"), (Texts{"include", "<linux/mm.h>"}));
  EXPECT_EQ(directive("#include \"nv.h\""), (Texts{"include", "\"nv.h\""}));
  EXPECT_EQ(directive("#define A(x) #x ## y"), (Texts{"define", "A", "(", "x", ")", "#", "x", "##", "y"}));
  EXPECT_EQ(directive("#"), Texts{});
  EXPECT_EQ(directive(""), Texts{});
  EXPECT_EQ(directive("no directive"), Texts{});
  const std::vector<Token> tokens = lex_directive("#define A \\\n  b");
  EXPECT_EQ(tokens.back().offset, 14U);
  EXPECT_EQ(tokens.back().line, 2);
}

TEST(Lexer, KeepsEveryByteOfGarbage) {
  std::mt19937 random(20240611);  // a fixed seed: a failure can be repeated
  const std::string_view interesting =
      "\"'\\/*#\n\r \t(){}[];,.ab0$\x80\x00<>"
      "define include if else endif \\\n";
  for (int round = 0; round < 4000; ++round) {
    std::string garbage;
    const std::size_t length = random() % 120;
    for (std::size_t i = 0; i < length; ++i)
      garbage += random() % 4 == 0 ? static_cast<char>(random() % 256) : interesting[random() % interesting.size()];
    SCOPED_TRACE(testing::PrintToString(garbage));
    expect_sound(garbage);
    const CodeView view(garbage);
    for (std::size_t i = 0; i < view.code().size(); ++i) {
      if (view.partner(i) == CodeView::npos) continue;
      ASSERT_LT(view.partner(i), view.code().size());
      ASSERT_EQ(view.partner(view.partner(i)), i);
    }
    (void)view.functions("ab");
    (void)TokenSearch("a ( b").in(SourceTree::of({{"a.c", garbage}}), "a.c");
  }
}

// VGPUKIT_TEST_DRIVERS is a list of folders of drivers, separated by colons. Without it, this repository's own C and
// C++ is used.
TEST(Lexer, KeepsEveryByteOfRealSources) {
  const char* given = std::getenv("VGPUKIT_TEST_DRIVERS");
  std::string folders =
      given != nullptr ? given : std::string(VGPUKIT_SOURCE_DIR) + "/kbuild:" + VGPUKIT_SOURCE_DIR + "/patcher";
  std::size_t files = 0;
  for (std::size_t at = 0; at <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', at), folders.size());
    const auto tree = SourceTree::open(folders.substr(at, end - at));
    ASSERT_TRUE(tree) << tree.error().message();
    for (const std::string& path : tree->matching("**/*.{c,h,cpp,hpp}")) {
      SCOPED_TRACE(path);
      expect_sound(*tree->read(path));
      ++files;
    }
    at = end + 1;
  }
  EXPECT_GT(files, 0U);
}

}  // namespace
}  // namespace vgpukit::transform
