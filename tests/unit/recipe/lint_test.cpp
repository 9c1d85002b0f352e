#include "recipe/lint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipe/parse_recipe.hpp"

namespace vgpukit::recipe {
namespace lint_test {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Recipe recipe_of(const std::string& text, const std::string& id = "r") {
  auto recipe = parse_recipe("id: " + id + "\n" + text, "recipes/" + id + ".yaml", "");
  EXPECT_TRUE(recipe) << recipe.error().message();
  return std::move(recipe).value();
}

std::string when(const std::string& text) {
  return "summary: something is gone now\nwhen: " + text +
         "\ntransforms:\n  - rename-token: {files: \"*.c\", from: a, to: b}\nensures: {absent: {token: a, files: "
         "\"*.c\"}}\n";
}

// "error: what" and "warning: what" of one recipe.
std::vector<std::string> lint(const Recipe& recipe, const std::vector<std::string_view>& ids = {"r", "other"}) {
  std::vector<std::string> all;
  for (const auto& finding : lint_recipe(recipe, ids))
    all.push_back((finding.error ? "error: " : "warning: ") + finding.what);
  return all;
}
std::vector<std::string> lint(const std::string& text) {
  return lint(recipe_of(text));
}

const std::string token_a = "driver: {contains: {token: a, files: \"*.c\"}}";

TEST(Lint, AGoodRecipeHasNoFindings) {
  EXPECT_THAT(lint(when("{kernel: {lacks: {declaration: a, header: x.h}}, " + token_a + "}") +
                   "after: [other]\nexplains: [\"'a' undeclared\"]\n"),
              IsEmpty());
}

// A kernel that does not have the thing at all lacks every form of it.
TEST(Lint, AFormOfAThingThatMayNotExist) {
  const auto lacks = [](const std::string& more, const std::string& others = "") {
    return when("{kernel: {lacks: {compiles: 'X(y);', about: X() with a word" + more + ", header: linux/x.h}" + others +
                "}, " + token_a + "}");
  };
  EXPECT_THAT(lint(lacks("")), ElementsAre(HasSubstr("warning: it would also apply to a kernel that has nothing of the "
                                                     "kind: 'lacks' a form (X() with a word)")));
  EXPECT_THAT(lint(lacks(", of: X")), IsEmpty());
  EXPECT_THAT(lint(lacks("", ", has: {declaration: y, header: linux/y.h}")), IsEmpty());
}

TEST(Lint, FactsThatContradictEachOther) {
  EXPECT_THAT(lint(when("{kernel: {has: {symbol: a}, lacks: {symbol: a}}}")),
              ElementsAre(HasSubstr("error: no kernel meets the conditions: it has and lacks the same fact")));
  EXPECT_THAT(lint(when("{kernel: {has: {symbol-is-gpl: a}, lacks: {symbol: a}}}")),
              ElementsAre(HasSubstr("a is exported GPL-only and is not exported")));
  EXPECT_THAT(lint(when("{kernel: {has: {symbol: a}, lacks: {symbol-is-gpl: a}}}")), IsEmpty());
  EXPECT_THAT(lint(when("{kernel: {has: {config: CONFIG_A, value: m}, lacks: {config: CONFIG_A}}}")),
              ElementsAre(HasSubstr("CONFIG_A is set and is not set")));
  EXPECT_THAT(lint(when("{kernel: {has: [{config: CONFIG_A, value: m}, {config: CONFIG_A, value: y}]}}")),
              ElementsAre(HasSubstr("CONFIG_A has two values")));
  EXPECT_THAT(lint(when("{kernel: {has: {config: CONFIG_A}, lacks: {config: CONFIG_A, value: m}}}")), IsEmpty());
  EXPECT_THAT(lint(when("{kernel: {has: [{compiler: gcc}, {compiler: clang}]}}")),
              ElementsAre(HasSubstr("it is built with gcc and with clang")));
  EXPECT_THAT(lint(when("{kernel: {has: [{compiler: gcc>=15}, {compiler: gcc<14}]}}")),
              ElementsAre(HasSubstr("gcc>=15 and with gcc<14")));
  EXPECT_THAT(lint(when("{kernel: {has: [{compiler: gcc>=14}, {compiler: gcc<16}]}}")), IsEmpty());
  EXPECT_THAT(lint(when("{kernel: {has: {symbol: a}, any: [{lacks: {symbol: a}}, {has: {symbol: b}}]}}")),
              ElementsAre(HasSubstr("error: this choice can never hold")));
}

TEST(Lint, ConditionsThatNoDriverMeets) {
  EXPECT_THAT(lint(when("{driver: {contains: {token: a, files: \"*.c\"}, lacks: {token: a, files: \"*.c\"}}}")),
              ElementsAre(HasSubstr("error: no driver meets the conditions: it contains and lacks 'a' in *.c")));
  EXPECT_THAT(lint(when("{driver: {contains: {token: a, files: \"*.c\"}, lacks: {token: a, files: \"*.h\"}}}")),
              IsEmpty());
  EXPECT_THAT(lint(when("{" + token_a + "}") + "already-fixed: {contains: {token: a, files: \"*.c\"}}\n"),
              ElementsAre(HasSubstr("counts as already fixed")));
  EXPECT_THAT(lint(when("{" + token_a + "}") +
                   "already-fixed: {contains: [{token: a, files: \"*.c\"}, {token: b, files: \"*.c\"}]}\n"),
              IsEmpty());
}

TEST(Lint, RangesWithoutAVersion) {
  EXPECT_THAT(lint(when("{kernel: \">=6.12,<6.1\"}")),
              ElementsAre("error: no kernel version is in the range \">=6.12,<6.1\""));
  EXPECT_THAT(lint(when("{driver: \">535,<=535\"}")),
              ElementsAre("error: no driver version is in the range \">535,<=535\""));
  for (const char* range : {">=535,<550", "==6.12", ">6.12", "<5", ">=6.12,<=6.12", ">6.11,<6.12.1", "<1"})
    EXPECT_THAT(lint(when(std::string("{kernel: \"") + range + "\"}")), IsEmpty()) << range;
}

TEST(Lint, AfterMustNameARecipe) {
  EXPECT_THAT(lint(when("{" + token_a + "}") + "after: [othr, r]\n"),
              ElementsAre("error: it goes after 'othr', and no recipe has that id", "error: it goes after itself"));
}

TEST(Lint, AMissingEnsuresAndAPoorSummaryAreWarnings) {
  const std::string head = "when: {" + token_a + "}\ntransforms:\n";
  const std::string bare = head + "  - replace: {files: \"*.c\", find: a, with: b}\n";
  const auto fix = lint_recipe(recipe_of("summary: fix build\n" + bare), {"r"});
  ASSERT_EQ(fix.size(), 2U);
  EXPECT_EQ(fix[0].what, "the summary 'fix build' is not a sentence");
  EXPECT_EQ(fix[0].where.line, 2);
  EXPECT_EQ(fix[1].what, "there is no 'ensures', and 'replace' does not detect what it misses");
  EXPECT_EQ(fix[1].where.line, 5);
  EXPECT_FALSE(fix[0].error || fix[1].error);
  EXPECT_THAT(lint("summary: a is called b now.\n" + head + "  - rename-token: {files: \"*.c\", from: a, to: b}\n"),
              ElementsAre("warning: the summary ends in '.'"));
}

TEST(Lint, TheFileIsNamedAfterTheId) {
  auto recipe = recipe_of(when("{" + token_a + "}"));
  recipe.where.file = "recipes/other.yaml";
  EXPECT_THAT(lint(recipe), ElementsAre("error: the id 'r' is not the file's name 'other'"));
}

TEST(Lint, ExplanationsThatMatchTooMuch) {
  const auto explains = [](const std::string& text) {
    return lint(when("{" + token_a + "}") + "explains: [" + text + "]\n");
  };
  for (const char* text : {"error", "implicit declaration of function", "void value not ignored as it ought to be",
                           "conftest failed!", "has no member named '"})
    EXPECT_THAT(explains("\"" + std::string(text) + "\""),
                ElementsAre(HasSubstr("warning: 'explains' has \"" + std::string(text))))
        << text;
  for (const char* text : {"'a' undeclared", "implicit declaration of function 'in_irq'", "nv-linux.h: No such file",
                           "struct drm_driver has"})
    EXPECT_THAT(explains("\"" + std::string(text) + "\""), IsEmpty()) << text;
  EXPECT_THAT(explains("\"  \""), ElementsAre(HasSubstr("error: 'explains' has")));
  EXPECT_THAT(explains("\"'a' x\", \"'a' x\""), ElementsAre(HasSubstr("twice")));
}

TEST(VersionIn, FindsOneInEveryRangeThatHasOne) {
  const auto in = [](const std::vector<std::string>& texts) {
    std::vector<VersionRange> ranges;
    for (const auto& text : texts) ranges.push_back(VersionRange::parse(text).value());
    const auto version = version_in(ranges);
    for (const auto& range : ranges) EXPECT_TRUE(!version || range.contains(*version)) << " in " << range.text;
    return version.has_value();
  };
  EXPECT_TRUE(in({}));
  EXPECT_TRUE(in({">=535", "<550"}));
  EXPECT_TRUE(in({">6.12", "<6.14"}));
  EXPECT_TRUE(in({"<6.0", ">5.19"}));
  EXPECT_FALSE(in({">=6.2", "<6.1"}));
  EXPECT_FALSE(in({"==6.2", "==6.3"}));
}

}  // namespace lint_test
}  // namespace vgpukit::recipe
