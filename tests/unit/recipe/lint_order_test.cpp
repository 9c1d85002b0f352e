#include "recipe/lint_order.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipe/parse_recipe.hpp"

namespace vgpukit::recipe {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Recipe recipe_of(const std::string& id, const std::string& text) {
  auto recipe = parse_recipe("id: " + id + "\n" + text, "recipes/" + id + ".yaml", "");
  EXPECT_TRUE(recipe) << recipe.error().message();
  return std::move(recipe).value();
}

Recipe inserts(const std::string& id, const std::string& word, const std::string& more = "",
               const std::string& kernel = "") {
  return recipe_of(
      id,
      "summary: a field is set now\nwhen:\n" + kernel +
          "  driver: {contains: {token: \"f = {\", files: \"*.c\"}}\ntransforms:\n  - replace: {files: \"*.c\", find: "
          "\"f = {\", insert-after: \"" +
          word + "\\n\"}\n" + more);
}

const std::vector<LintTree> trees = {
    {"in a test", transform::SourceTree::of({{"a.c", "struct s f = {\n  .x = 1,\n};\n"}})}};

std::vector<std::string> order(const std::vector<Recipe>& recipes) {
  std::vector<const Recipe*> all;
  for (const auto& recipe : recipes) all.push_back(&recipe);
  std::vector<std::string> found;
  for (const auto& finding : lint_order(all, trees)) found.push_back(finding.recipe + ": " + finding.what);
  return found;
}
template <class... R>
std::vector<Recipe> list(R... recipes) {
  std::vector<Recipe> all;
  (all.push_back(std::move(recipes)), ...);
  return all;
}

TEST(LintOrder, TwoAtTheSamePlaceNeedAnOrder) {
  EXPECT_THAT(order(list(inserts("a", ".p = 1,"), inserts("b", ".q = 1,"))),
              ElementsAre("b: it and a edit the same place, and the result depends on which goes first (in a test)"));
  EXPECT_THAT(order(list(inserts("a", ".p = 1,"), inserts("b", ".q = 1,", "after: [a]\n"))), IsEmpty());
  EXPECT_THAT(order(list(inserts("a", ".p = 1,", "after: [b]\n"), inserts("b", ".q = 1,"))), IsEmpty());
}

TEST(LintOrder, AnOrderThroughAThirdRecipeIsEnough) {
  EXPECT_THAT(order(list(inserts("a", ".p = 1,"), inserts("b", ".q = 1,", "after: [a]\n"),
                         inserts("c", ".r = 1,", "after: [b]\n"))),
              IsEmpty());
}

TEST(LintOrder, OtherPlacesOfTheSameFileNeedNone) {
  auto other = recipe_of(
      "b",
      "summary: a number is larger now\nwhen: {driver: {contains: {token: \".x = 1\", files: \"*.c\"}}}\ntransforms:\n "
      " - replace: "
      "{files: \"*.c\", find: \".x = 1\", with: \".x = 2\"}\n");
  EXPECT_THAT(order(list(inserts("a", ".p = 1,"), std::move(other))), IsEmpty());
}

TEST(LintOrder, RecipesThatNeverMeetNeedNone) {
  EXPECT_THAT(order(list(inserts("a", ".p = 1,", "", "  kernel: {has: {symbol: s}}\n"),
                         inserts("b", ".q = 1,", "", "  kernel: {lacks: {symbol: s}}\n"))),
              IsEmpty());
  EXPECT_THAT(order(list(inserts("a", ".p = 1,", "", "  kernel: \"<6.1\"\n"),
                         inserts("b", ".q = 1,", "", "  kernel: \">=6.2\"\n"))),
              IsEmpty());
  EXPECT_THAT(order(list(inserts("a", ".p = 1,", "", "  kernel: \"<6.3\"\n"),
                         inserts("b", ".q = 1,", "", "  kernel: \">=6.2\"\n"))),
              testing::SizeIs(1));
}

}  // namespace
}  // namespace vgpukit::recipe
