#include "transform/dead_code.hpp"

#include <gtest/gtest.h>

#include <string>

#include "transform/source_tree.hpp"

namespace vgpukit::transform {
namespace {

const Version kernel = *Version::parse("6.12.118");

bool is_compiled(const std::string& source, const Version& by = kernel) {
  return TokenSearch("here").in(SourceTree::of({{"a.c", source}}), "a.c", by).has_value();
}

bool holds(const std::string& condition, const Version& by = kernel) {
  const bool then = is_compiled("#if " + condition + "\nhere\n#endif\n", by);
  const bool otherwise = is_compiled("#if " + condition + "\n#else\nhere\n#endif\n", by);
  EXPECT_NE(then, otherwise) << condition << " is not decided";
  return then;
}

bool is_undecided(const std::string& condition, const Version& by = kernel) {
  return is_compiled("#if " + condition + "\nhere\n#endif\n", by) &&
         is_compiled("#if " + condition + "\n#else\nhere\n#endif\n", by);
}

TEST(DeadCode, ConditionsAboutTheKernelsVersion) {
  EXPECT_TRUE(holds("LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)"));
  EXPECT_TRUE(holds("(LINUX_VERSION_CODE >= KERNEL_VERSION(6,12,118)) /* a comment */"));
  EXPECT_FALSE(holds("LINUX_VERSION_CODE > KERNEL_VERSION(6, 12, 118)"));
  EXPECT_FALSE(holds("LINUX_VERSION_CODE == KERNEL_VERSION(6, 12, 0)"));
  EXPECT_TRUE(holds("LINUX_VERSION_CODE != KERNEL_VERSION(6, 12, 0)"));
  EXPECT_TRUE(holds("KERNEL_VERSION(6, 13, 0) > LINUX_VERSION_CODE"));
  EXPECT_TRUE(holds("!(LINUX_VERSION_CODE < KERNEL_VERSION(5, 4, 0)) && \\\n LINUX_VERSION_CODE <= 396407"));
  EXPECT_TRUE(holds("LINUX_VERSION_CODE > KERNEL_VERSION(4, 04, 0)"));
  EXPECT_TRUE(holds("LINUX_VERSION_CODE < KERNEL_VERSION(4, 15, 0)", *Version::parse("4.14.336")))
      << "the third number is at most 255";
}

TEST(DeadCode, ConditionsThatNeedNoKernel) {
  EXPECT_FALSE(holds("0", Version()));
  EXPECT_TRUE(holds("1", Version()));
  EXPECT_TRUE(is_undecided("LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)", Version()));
}

TEST(DeadCode, OtherConditionsCanHoldOrNot) {
  for (const char* condition :
       {"defined(NV_X_PRESENT)", "NV_X(1, (2)) == 0", "!defined NV_X", "IS_ENABLED(CONFIG_X)", "", "(", "defined", "!",
        "KERNEL_VERSION(6, 12)", "LINUX_VERSION_CODE + 1 > 0", "(LINUX_VERSION_CODE + 1) > 0", "0x1", "0 ? 1 : 2",
        "LINUX_VERSION_CODE >= KERNEL_VERSION(NV_X, 0, 0)", "NV_X(1", "__has_include(<linux/mm.h>)"})
    EXPECT_TRUE(is_undecided(condition)) << condition;
  EXPECT_TRUE(is_compiled("#ifdef A\nhere\n#else\n#endif\n"));
  EXPECT_TRUE(is_compiled("#ifndef A\n#else\nhere\n#endif\n"));
}

TEST(DeadCode, ConditionsOfWhichAPartIsKnown) {
  EXPECT_FALSE(holds("defined(CONFIG_FB) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)"));
  EXPECT_FALSE(holds("LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0) && defined(CONFIG_FB)"));
  EXPECT_TRUE(is_undecided("defined(CONFIG_FB) && LINUX_VERSION_CODE > KERNEL_VERSION(6, 1, 0)"));
  EXPECT_TRUE(holds("defined(CONFIG_FB) || LINUX_VERSION_CODE > KERNEL_VERSION(6, 1, 0)"));
  EXPECT_TRUE(holds("LINUX_VERSION_CODE > KERNEL_VERSION(6, 1, 0) || defined(RHEL_RELEASE_CODE)"));
  EXPECT_TRUE(is_undecided("LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0) || defined(RHEL_RELEASE_CODE)"));
  EXPECT_TRUE(is_undecided("defined(RHEL_RELEASE_CODE) || LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)"));
  EXPECT_TRUE(is_undecided("NV_X && NV_Y || NV_Z"));
}

TEST(DeadCode, Chains) {
  const std::string chain =
      "#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)\n1\n#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)\n2\n"
      "#elif defined(NV_X)\n3\n#else\n4\n#endif\n5\n";
  const auto with = [&](const char* number) {
    std::string text = chain;
    return text.replace(text.find(std::string("\n") + number + "\n") + 1, 1, "here");
  };
  EXPECT_FALSE(is_compiled(with("1")));
  EXPECT_TRUE(is_compiled(with("2")));
  EXPECT_FALSE(is_compiled(with("3")));
  EXPECT_FALSE(is_compiled(with("4")));
  EXPECT_TRUE(is_compiled(with("5")));
  const Version old = *Version::parse("5.10");
  EXPECT_FALSE(is_compiled(with("2"), old));
  EXPECT_TRUE(is_compiled(with("3"), old));
  EXPECT_TRUE(is_compiled(with("4"), old));
}

TEST(DeadCode, NestedAndUnbalanced) {
  EXPECT_FALSE(is_compiled("#if 0\n#if 1\nhere\n#endif\n#endif\n"));
  EXPECT_FALSE(is_compiled("#if 0\n#ifdef here\n#else\n#endif\nhere\n#endif\n"));
  EXPECT_TRUE(is_compiled("#if 0\n#if 1\n#endif\n#endif\nhere\n"));
  EXPECT_TRUE(is_compiled("#if 1\n#if 0\n#else\nhere\n#endif\n#endif\n"));
  EXPECT_FALSE(is_compiled("#if 1\n#else\n#if 1\nhere\n#endif\n#endif\n"));
  EXPECT_TRUE(is_compiled("#endif\n#else\n#elif 0\n#\nhere\n// if 0\n"));
  EXPECT_FALSE(is_compiled("#if 0\nhere"));
  EXPECT_TRUE(is_compiled("#if 0 || here\n#endif\n")) << "the condition itself is read";
  EXPECT_TRUE(is_compiled("#if 1\n#elif here\n#endif\n"));
}

TEST(DeadCode, TheLineOfTheFirstCompiledMatch) {
  const auto tree = SourceTree::of({{"a.c", "#if 0\nhere\n#else\n\nhere\n#endif\nhere\n"}});
  EXPECT_EQ(TokenSearch("here").in(tree, "a.c", kernel), 5);
  EXPECT_EQ(TokenSearch("here").in(tree, "a.c"), 2);
}

}  // namespace
}  // namespace vgpukit::transform
