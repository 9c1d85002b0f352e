#include "transform/first_of.hpp"

#include <gtest/gtest.h>

#include "transform/transform_fixtures.hpp"

namespace vgpukit::transform {
using test::Files;
using test::texts;

namespace {

std::unique_ptr<Transform> made(std::string_view kind, const Parameters& parameters) {
  return find_transform(kind)->make(parameters).value();
}

std::unique_ptr<Transform> rename(const std::string& from, const std::string& to) {
  return made("rename-call", {{"files", "*.c"}, {"from", from}, {"to", to}});
}

// Either calls of f() in a wrapper, or a call of g() and one of h().
std::unique_ptr<Transform> either() {
  Alternative wrapper;
  wrapper.push_back(rename("f", "new_f"));
  Alternative both;
  both.push_back(rename("g", "new_g"));
  both.push_back(rename("h", "new_h"));
  std::vector<Alternative> alternatives;
  alternatives.push_back(std::move(wrapper));
  alternatives.push_back(std::move(both));
  return first_of(std::move(alternatives));
}

TEST(FirstOf, TheFirstAlternativeThatMatches) {
  auto tree = SourceTree::of({{"a.c", "int x = f();\nint y = g() + h();\n"}});
  ASSERT_TRUE(either()->apply(tree));
  EXPECT_EQ(texts(tree), (Files{{"a.c", "int x = new_f();\nint y = g() + h();\n"}}));
}

TEST(FirstOf, AllTransformsOfAnAlternative) {
  auto tree = SourceTree::of({{"a.c", "int y = g() + h();\n"}, {"b.c", "int z = g();\n"}});
  const auto applied = either()->apply(tree);
  ASSERT_TRUE(applied);
  EXPECT_EQ(applied->places(), 3U);
  EXPECT_EQ(applied->files.size(), 2U);
  EXPECT_EQ(texts(tree), (Files{{"a.c", "int y = new_g() + new_h();\n"}, {"b.c", "int z = new_g();\n"}}));
}

TEST(FirstOf, AnAlternativeThatMatchesInPartIsUndone) {
  auto tree = SourceTree::of({{"a.c", "int y = g();\n"}});
  const auto applied = either()->apply(tree);
  ASSERT_FALSE(applied);
  EXPECT_TRUE(tree.edits().empty());
  EXPECT_NE(applied.error().why.find("calls of f"), std::string::npos) << applied.error().why;
  EXPECT_NE(applied.error().why.find("calls of h"), std::string::npos) << applied.error().why;
}

TEST(FirstOf, ItsOwnResultIsDoneAlready) {
  auto tree = SourceTree::of({{"a.c", "int x = new_f();\n"}});
  const auto applied = either()->apply(tree);
  ASSERT_TRUE(applied);
  EXPECT_TRUE(applied->already);
  EXPECT_TRUE(tree.edits().empty());
}

}  // namespace
}  // namespace vgpukit::transform
