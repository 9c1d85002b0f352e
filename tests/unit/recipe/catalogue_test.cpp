#include "recipe/catalogue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipe/parse_recipe.hpp"
#include "support/atomic_file.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::recipe {
namespace {

using test::TempFolder;
using testing::HasSubstr;

std::string minimal(const std::string& id, const std::string& rest = "") {
  return "id: " + id +
         "\nsummary: s\nwhen: {kernel: \">=1\"}\ntransforms: [{rename-token: {files: a, from: a, to: b}}]\n" + rest;
}

Result<Catalogue> catalogue(const std::vector<std::string>& files) {
  std::vector<Recipe> recipes;
  for (const auto& text : files) {
    auto recipe = parse_recipe(text, "r.yaml", "/nowhere");
    if (!recipe) return recipe.error();
    recipes.push_back(std::move(recipe).value());
  }
  return Catalogue::of(std::move(recipes));
}

TEST(Catalogue, GoesByVersionAndAfter) {
  const auto all = catalogue(
      {minimal("6.12-a"), minimal("6.1-b", "after: 6.12-a\n"), minimal("5.19-c"), minimal("6.1-d"), minimal("gcc-e")});
  ASSERT_TRUE(all);
  std::vector<std::string> ids;
  for (const auto& recipe : all->recipes()) ids.push_back(recipe.id);
  EXPECT_THAT(ids, testing::ElementsAre("5.19-c", "6.1-d", "6.12-a", "6.1-b", "gcc-e"));
}

TEST(Catalogue, SpellsOutACycle) {
  const auto all =
      catalogue({minimal("a", "after: b\n"), minimal("b", "after: c\n"), minimal("c", "after: a\n"), minimal("d")});
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().kind, ErrorKind::usage);
  EXPECT_THAT(all.error().message(), HasSubstr("a -> b -> c -> a"));
}

TEST(Catalogue, AfterMustNameARecipe) {
  const auto all = catalogue({minimal("6.12-removed"), minimal("b", "after: 6.12-removd\n")});
  ASSERT_FALSE(all);
  EXPECT_THAT(all.error().message(), HasSubstr("did you mean '6.12-removed'?"));
}

TEST(Catalogue, LeavesOutWhatIsNamedAlsoWhereAnotherGoesAfterIt) {
  auto all = catalogue({minimal("6.12-a"), minimal("6.1-b", "after: 6.12-a\n"), minimal("5.19-c")});
  ASSERT_TRUE(all);
  ASSERT_TRUE(all->leave_out({"6.12-a"}));
  std::vector<std::string> ids;
  for (const auto& recipe : all->recipes()) ids.push_back(recipe.id);
  EXPECT_THAT(ids, testing::ElementsAre("5.19-c", "6.1-b"));
  const auto unknown = all->leave_out({"5.19-c", "6.1-bb"});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::usage);
  EXPECT_THAT(unknown.error().message(), HasSubstr("did you mean '6.1-b'?"));
  EXPECT_TRUE(all->find("5.19-c")) << "all or nothing";
}

TEST(Catalogue, ALaterFolderReplacesARecipeAndOneFolderMayNotHaveTwo) {
  const TempFolder temp;
  ASSERT_TRUE(write_file(temp / "a/x.yaml", minimal("x")));
  ASSERT_TRUE(write_file(temp / "b/y.yaml", minimal("x") + "notice: {name: n, text: t}\n"));
  const auto all = Catalogue::load({temp / "a", temp / "b"}, temp / "patches");
  ASSERT_TRUE(all) << all.error().message();
  ASSERT_EQ(all->recipes().size(), 1u);
  EXPECT_TRUE(all->recipes()[0].notice);

  ASSERT_TRUE(write_file(temp / "a/x2.yaml", minimal("x")));
  const auto twice = Catalogue::load({temp / "a"}, temp / "patches");
  ASSERT_FALSE(twice);
  EXPECT_THAT(twice.error().message(), HasSubstr("a second recipe with the id 'x'"));
  EXPECT_THAT(twice.error().message(), HasSubstr("x.yaml"));
}

TEST(Catalogue, AFolderThatIsNotThere) {
  const auto all = Catalogue::load({"/nowhere/recipes"}, "");
  ASSERT_FALSE(all);
  EXPECT_THAT(all.error().message(), HasSubstr("/nowhere/recipes"));
}

}  // namespace
}  // namespace vgpukit::recipe
