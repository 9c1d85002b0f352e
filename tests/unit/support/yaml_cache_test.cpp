#include "support/yaml_cache.hpp"

#include <gtest/gtest.h>

#include "support/atomic_file.hpp"
#include "support/temp_folder.hpp"
#include "support/yaml_reader.hpp"

namespace vgpukit {
using test::TempFolder;

namespace {

const std::string document = "id: one\nwhen:\n  - {kernel: \">=6.12\", driver: ~}\n  - [a, 'b: c', \"\"]\n";

// The whole tree with all its places, for comparisons.
std::string picture(const YamlNode& node) {
  std::string text = std::to_string(node.line()) + ":" + std::to_string(node.column());
  if (node.is_scalar()) return text + "'" + node.scalar() + "'";
  if (node.is_null()) return text + "null";
  for (const auto& item : node.items()) text += "[" + picture(item) + "]";
  for (const auto& [key, value] : node.entries()) text += "{" + picture(key) + "=" + picture(value) + "}";
  return text;
}

YamlNode read(const std::string& text, YamlCache* cache = nullptr) {
  auto node = YamlReader("f.yaml", cache).parse(text);
  EXPECT_TRUE(node) << node.error().message();
  return node ? *node : YamlNode();
}

TEST(YamlNode, KnowsWhatStandsWhere) {
  EXPECT_EQ(picture(read(document)),
            "1:1{1:1'id'=1:5'one'}{2:1'when'=3:3[3:5{3:6'kernel'=3:14'>=6.12'}{3:24'driver'=3:32null}][4:5[4:6'a'][4:9'"
            "b: c'][4:17'']]}");
  EXPECT_FALSE(read(document)["no such key"]);
  EXPECT_FALSE(read(document)["id"]["below a scalar"]);
  EXPECT_EQ(read(document)["when"].size(), 2U);
}

TEST(YamlNode, ComesBackFromItsBytesAndFromNoOthers) {
  const auto node = read(document);
  const auto bytes = node.to_bytes();
  const auto back = YamlNode::from_bytes(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(picture(*back), picture(node));
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(YamlNode::from_bytes(bytes.substr(0, length))) << length;
  EXPECT_FALSE(YamlNode::from_bytes(bytes + "x"));
}

class YamlCacheTest : public testing::Test {
 protected:
  void fill() {
    YamlCache cache(file);
    read(document, &cache);
    read("id: two\n", &cache);
    cache.save();
  }

  TempFolder temp;
  fs::path file = temp.path() / "recipes";
};

TEST_F(YamlCacheTest, GivesTheSameTree) {
  fill();
  const YamlCache cache(file);
  const auto kept = cache.find(document);
  ASSERT_TRUE(kept);
  EXPECT_EQ(picture(*kept), picture(read(document)));
  EXPECT_TRUE(cache.find("id: two\n"));
  EXPECT_FALSE(cache.find("id: three\n"));
}

TEST_F(YamlCacheTest, WhatWasKeptStaysWhenMoreIsAdded) {
  fill();
  YamlCache more(file);
  read("id: three\n", &more);
  more.save();
  const YamlCache cache(file);
  EXPECT_TRUE(cache.find(document));
  EXPECT_TRUE(cache.find("id: three\n"));
}

TEST_F(YamlCacheTest, AFileThatWasCutOffOrChangedIsEmpty) {
  fill();
  const auto text = *read_file(file);
  for (const auto& damaged : {text.substr(0, text.size() - 1), text.substr(0, 40), std::string(), text + "more",
                              std::string("junk\nmore junk")}) {
    ASSERT_TRUE(write_file(file, damaged));
    EXPECT_FALSE(YamlCache(file).find(document)) << damaged.size();
  }
  auto changed = text;
  changed[text.size() / 2] ^= 1;
  ASSERT_TRUE(write_file(file, changed));
  EXPECT_FALSE(YamlCache(file).find(document));
}

TEST_F(YamlCacheTest, APlaceThatCannotBeWrittenIsNoFault) {
  YamlCache cache("/proc/no/such/place");
  EXPECT_EQ(picture(read(document, &cache)), picture(read(document)));
  cache.save();
}

}  // namespace
}  // namespace vgpukit
