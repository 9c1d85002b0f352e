#include "support/text.hpp"

#include <gmock/gmock.h>

namespace vgpukit {
namespace {

using testing::ElementsAre;

TEST(Text, Lines) {
  EXPECT_THAT(lines_of("a\n\nb"), ElementsAre("a", "", "b"));
  EXPECT_THAT(lines_of("a\n"), ElementsAre("a"));
  EXPECT_TRUE(lines_of("").empty());
  std::string numbered;
  for_each_line("x\ny\n", [&](std::string_view line, int number) {
    append(numbered, std::to_string(number) + std::string(line));
  });
  EXPECT_EQ(numbered, "1x, 2y");
}

TEST(Text, Words) {
  EXPECT_THAT(words_of(" a\tb \r\n"), ElementsAre("a", "b"));
  EXPECT_THAT(words_of("a,b;;c", ",;"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(split("a::b:", ':'), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ':'), ElementsAre(""));
  EXPECT_EQ(trimmed(" \ta b\r\n"), "a b");
  EXPECT_EQ(trimmed(" \n"), "");
}

TEST(Text, AWordHasNoIdentifierCharacterBesideIt) {
  EXPECT_EQ(find_word("follow_pfnmap follow_pfn(", "follow_pfn"), 14u);
  EXPECT_EQ(find_word("xfollow_pfn follow_pfn2", "follow_pfn"), std::string_view::npos);
  EXPECT_EQ(replace_word("f(f, xf, f2) f", "f", "g"), "g(g, xf, f2) g");
  EXPECT_EQ(replace_word("f", "f", "f"), "f");
  EXPECT_TRUE(is_identifier("_a9"));
  EXPECT_FALSE(is_identifier("9a"));
  EXPECT_FALSE(is_identifier("a-b"));
  EXPECT_FALSE(is_identifier(""));
  std::string words;
  for_each_word("int x1 = y[2];",
                [&](std::string_view word, std::size_t at) { append(words, std::string(word) + std::to_string(at)); });
  EXPECT_EQ(words, "int0, x14, y9, 211");
}

TEST(Text, ListsHaveSeparatorsBetweenTheirParts) {
  EXPECT_EQ(join(std::vector<std::string>{"a", "", "b"}, ", "), "a, , b");
  EXPECT_EQ(join(std::vector<int>{1, 2}, "+", [](int n) { return std::to_string(n); }), "1+2");
  EXPECT_EQ(join(std::vector<std::string>{}, ", "), "");
}

TEST(Text, InputIsEscaped) {
  EXPECT_EQ(printable("a\x1b[2J\x7f"), "a\\x1b[2J\\x7f");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(xml_escaped("<a b='1' c=\"2\">&\x01"), "&lt;a b=&apos;1&apos; c=&quot;2&quot;&gt;&amp;");
}

TEST(TerminalText, ShowsWhatWouldControlTheTerminal) {
  EXPECT_EQ(terminal_text("a\x1b]0;title\x07"
                          "b",
                          false),
            "a\\x1b]0;title\\x07b");
  EXPECT_EQ(terminal_text("\x1b[31mred\x1b[0m", false), "\\x1b[31mred\\x1b[0m");
  EXPECT_EQ(terminal_text("\x1b[31mred\x1b[0m\x1b[2J", true), "\x1b[31mred\x1b[0m\\x1b[2J");
  EXPECT_EQ(terminal_text("tab\tline\r\nnext\rover", true), "tab\tline\r\nnext\\x0dover");
  EXPECT_EQ(terminal_text("Gr\xc3\xbc\xc3\x9f"
                          "e \xe2\x86\x92 \xf0\x9f\x98\x80",
                          true),
            "Gr\xc3\xbc\xc3\x9f"
            "e \xe2\x86\x92 \xf0\x9f\x98\x80");
  // What makes a terminal show the rest in another order (U+202E, U+2066).
  EXPECT_EQ(terminal_text("a\xe2\x80\xaeko.b \xe2\x81\xa6 \xe2\x80\x94", true),
            "a\\xe2\\x80\\xaeko.b \\xe2\\x81\\xa6 \xe2\x80\x94");
  EXPECT_EQ(terminal_text("caf\xe9 \xc2\x9b"
                          "31m \xc0\xaf \xed\xa0\x80",
                          true),
            "caf\\xe9 \\xc2\\x9b31m \\xc0\\xaf \\xed\\xa0\\x80");
}

}  // namespace
}  // namespace vgpukit
