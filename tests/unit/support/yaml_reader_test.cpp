#include "support/yaml_reader.hpp"

#include <gmock/gmock.h>

namespace vgpukit {
namespace yaml_reader_test {

using testing::HasSubstr;

// The message of a text that is refused as bad input, or an empty text.
std::string refusal(const std::string& text) {
  const auto node = YamlReader("f.yaml").parse(text);
  EXPECT_FALSE(node) << text.substr(0, 80);
  if (node) return "";
  EXPECT_EQ(node.error().kind, ErrorKind::usage);
  return node.error().message();
}

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(YamlReader, NodesKnowTheirKindAndPlace) {
  const auto node = YamlReader("f.yaml").parse("id: one\nwhen:\n  - {kernel: \">=6.12\", driver: ~}\n  - [a, \"\"]\n");
  ASSERT_TRUE(node) << node.error().message();
  EXPECT_EQ((*node)["id"].scalar(), "one");
  EXPECT_EQ((*node)["id"].column(), 5);
  EXPECT_FALSE((*node)["no such key"]);
  EXPECT_FALSE((*node)["id"]["below a scalar"]);
  const auto items = (*node)["when"].items();
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].line(), 3);
  EXPECT_EQ(items[0]["kernel"].scalar(), ">=6.12");
  EXPECT_TRUE(items[0]["driver"].is_null());
  EXPECT_EQ(items[0].entries().at(1).first.column(), 24);
  EXPECT_EQ(items[1].size(), 2U);
}

TEST(YamlReader, AnAliasIsACopyOfWhatItNames) {
  const auto node = YamlReader("f.yaml").parse("a: &one {b: [c, &two d]}\ne: [*one, *two]\nf: *one\n");
  ASSERT_TRUE(node) << node.error().message();
  const auto items = (*node)["e"].items();
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0]["b"].items().at(1).scalar(), "d");
  EXPECT_EQ(items[1].scalar(), "d");
  EXPECT_EQ((*node)["f"]["b"].items().at(0).scalar(), "c");
  EXPECT_EQ((*node)["f"].line(), 1) << "it stands where it is defined";
}

TEST(YamlReader, AnAliasMeansTheLastNodeOfItsName) {
  const auto node = YamlReader("f.yaml").parse("- &a one\n- *a\n- &a two\n- *a\n");
  ASSERT_TRUE(node) << node.error().message();
  EXPECT_EQ(node->items().at(1).scalar(), "one");
  EXPECT_EQ(node->items().at(3).scalar(), "two");
}

TEST(YamlReader, AnAliasThatRefersToItselfIsRefused) {
  EXPECT_THAT(refusal("a: &a [*a]"), HasSubstr("f.yaml:1:8: an alias that refers to itself"));
  EXPECT_THAT(refusal("&a [x, {y: *a}]"), HasSubstr("f.yaml:1:12: an alias that refers to itself"));
  EXPECT_THAT(refusal("id: one\nwhen: &w\n  all:\n    - &x {k: *w}\n"),
              HasSubstr("f.yaml:4:14: an alias that refers to itself"));
  EXPECT_THAT(refusal("&a {*a : b}"), HasSubstr("an alias that refers to itself")) << "as a key";
}

TEST(YamlReader, AliasesThatGrowWithoutEndAreRefused) {
  std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char name = 'b'; name <= 'z'; ++name) {
    const std::string before(1, static_cast<char>(name - 1));
    bomb += std::string(1, name) + ": &" + name + " [*" + before + repeated(", *" + before, 9) + "]\n";
  }
  EXPECT_THAT(refusal(bomb), HasSubstr("more than 1000000 nodes"));
  // Few nodes, and much text.
  EXPECT_THAT(refusal("- &a " + std::string(1'000'000, 'x') + "\n" + repeated("- *a\n", 10'000)),
              HasSubstr("more than 64 MiB"));
}

TEST(YamlReader, WhatIsNestedTooDeeplyIsRefused) {
  for (const std::string_view open : {"[", "{a: ", "- ", "? ", "[{", "{[a, ", "&a [", "!t ["})
    EXPECT_THAT(refusal(repeated(open, 100'000)), HasSubstr("f.yaml:1:")) << open;
  EXPECT_THAT(refusal(repeated("[", 200) + repeated("]", 200)), HasSubstr("nested more than 100 deep"));
  // By aliases: each of them is flat.
  std::string chain = "- &a0 x\n";
  for (int i = 1; i < 100'000; ++i) chain += "- &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  EXPECT_THAT(refusal(chain), HasSubstr("nested more than 100 deep"));
}

TEST(YamlReader, OneDocumentIsExpected) {
  EXPECT_THAT(refusal("a: b\n---\nc: d\n"), HasSubstr("f.yaml:3:1: more than one YAML document"));
  EXPECT_TRUE(YamlReader("f.yaml").parse("---\na: b\n...\n"));
  for (const auto* nothing : {"", "# a comment\n", "---\n", "~\n"}) {
    const auto node = YamlReader("f.yaml").parse_or_empty(nothing);
    ASSERT_TRUE(node) << node.error().message();
    EXPECT_FALSE(*node) << nothing;
  }
}

TEST(YamlReader, WhatIsNoYamlIsRefused) {
  EXPECT_THAT(refusal("a: [b"), HasSubstr("not valid YAML"));
  EXPECT_THAT(refusal("a: *b"), HasSubstr("f.yaml:1:4: not valid YAML"));
}

}  // namespace yaml_reader_test
}  // namespace vgpukit
