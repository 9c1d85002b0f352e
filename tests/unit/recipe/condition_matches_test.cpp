#include "recipe/condition_matches.hpp"

#include <gtest/gtest.h>

#include "support/atomic_file.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::recipe {
using test::TempFolder;

namespace {

FileCondition tokens(const std::string& pattern, std::vector<std::string> globs) {
  FileCondition condition;
  condition.what = FileCondition::What::token;
  condition.patterns = {pattern};
  condition.globs = std::move(globs);
  return condition;
}

std::string first(ConditionMatches& matches, const FileCondition& condition, const transform::SourceTree& tree) {
  return matches.first(condition, tree).value_or("nowhere");
}

const std::map<std::string, std::string> files = {{"a/one.c", "int x;\nint y = in_irq();\n"},
                                                  {"a/two.h", "/* in_irq */\n"},
                                                  {"b/three.c", "\n\nvoid f(void) { in_irq (); }\n"}};

TEST(ConditionMatches, TheFirstPlaceInTheOrderOfGlobsAndPaths) {
  ConditionMatches matches{Version()};
  const auto tree = transform::SourceTree::of(files);
  EXPECT_EQ(first(matches, tokens("in_irq", {"**/*.c"}), tree), "a/one.c:2");
  EXPECT_EQ(first(matches, tokens("in_irq", {"b/*.c", "a/*.c"}), tree), "b/three.c:3");
  EXPECT_EQ(first(matches, tokens("in_irq ( )", {"**/*.c"}), tree), "a/one.c:2") << "white space does not matter";
  EXPECT_EQ(first(matches, tokens("in_irq", {"**/*.h"}), tree), "nowhere") << "a comment is not code";
}

TEST(ConditionMatches, OneSpellingIsEnough) {
  ConditionMatches matches{Version()};
  const auto tree = transform::SourceTree::of(files);
  auto condition = tokens("in_hardirq", {"**/*.c"});
  EXPECT_EQ(first(matches, condition, tree), "nowhere");
  condition.patterns.emplace_back("in_irq()");
  EXPECT_EQ(first(matches, condition, tree), "a/one.c:2");
  condition.what = FileCondition::What::text;
  EXPECT_EQ(first(matches, condition, tree), "a/one.c:2");
}

TEST(ConditionMatches, EditedFilesAreSearchedAgain) {
  ConditionMatches matches{Version()};
  auto tree = transform::SourceTree::of(files);
  const auto in_c = tokens("in_irq", {"**/*.c"});
  EXPECT_EQ(first(matches, in_c, tree), "a/one.c:2");
  const auto before = tree.snapshot();
  tree.write("a/one.c", "int x;\n");
  EXPECT_EQ(first(matches, in_c, tree), "b/three.c:3");
  tree.remove("b/three.c");
  EXPECT_EQ(first(matches, in_c, tree), "nowhere");
  tree.write("a/new.c", "int z = in_irq();\n");
  EXPECT_EQ(first(matches, in_c, tree), "a/new.c:1");
  tree.restore(before);
  EXPECT_EQ(first(matches, in_c, tree), "a/one.c:2");
}

TEST(ConditionMatches, TheFirstSearchOnAnEditedTree) {
  ConditionMatches matches{Version()};
  auto tree = transform::SourceTree::of(files);
  tree.write("a/one.c", "nothing\n");
  EXPECT_EQ(first(matches, tokens("in_irq", {"**/*.c"}), tree), "b/three.c:3");
  tree.restore({});
  EXPECT_EQ(first(matches, tokens("in_irq", {"**/*.c"}), tree), "a/one.c:2");
}

TEST(ConditionMatches, AreCachedAndADamagedCacheIsIgnored) {
  const TempFolder temp;
  const auto file = temp.path() / "matches";
  const auto condition = tokens("in_irq", {"**/*.c"});
  {
    ConditionMatches matches(Version(), file);
    first(matches, condition, transform::SourceTree::of(files));
    matches.save();
  }
  // The file's name identifies the content. Another tree with the same name shows that the cache is used.
  const auto other = transform::SourceTree::of({{"c/four.c", "in_irq();\n"}});
  ConditionMatches cached(Version(), file);
  EXPECT_EQ(first(cached, condition, other), "a/one.c:2");
  const auto text = *read_file(file);
  for (const auto& damaged : {text.substr(0, text.size() - 2), std::string("{}"), std::string()}) {
    ASSERT_TRUE(write_file(file, damaged));
    ConditionMatches none(Version(), file);
    EXPECT_EQ(first(none, condition, other), "c/four.c:1");
  }
}

TEST(ConditionMatches, CodeThatTheKernelDoesNotCompileIsNoMatch) {
  const TempFolder temp;
  const auto tree = transform::SourceTree::of({{"a/one.c",
                                                "#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)\n"
                                                "int y = in_hardirq();\n#else\nint y = in_irq();\n#endif\n"},
                                               {"a/two.c", "#if 0\nin_irq();\n#endif\n"},
                                               {"b/three.c", "in_irq();\n"}});
  const auto condition = tokens("in_irq", {"**/*.c"});
  for (const bool again : {false, true}) {  // a cache that another kernel wrote
    for (const auto& [version, place] : {std::pair("6.18.99", "a/one.c:4"), std::pair("6.19", "b/three.c:1")}) {
      ConditionMatches matches(*Version::parse(version), temp.path() / "matches");
      EXPECT_EQ(first(matches, condition, tree), place) << version << again;
      auto edited = tree;
      edited.write("b/three.c", "in_irq(1);\n");
      EXPECT_EQ(first(matches, condition, edited), place) << version << again;
      EXPECT_EQ(matches.places(condition, tree).contains("a/one.c"), std::string(version) != "6.19");
      EXPECT_FALSE(matches.places(condition, tree).contains("a/two.c"));
      matches.save();
    }
  }
}

}  // namespace
}  // namespace vgpukit::recipe
