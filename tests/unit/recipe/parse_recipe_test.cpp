#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipe/recipe.hpp"
#include "support/atomic_file.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::recipe {
namespace {

using test::TempFolder;
using testing::HasSubstr;

const std::string whole = R"(id: 6.12-no-llseek-removed
summary: no_llseek is gone; a file_operations without .llseek refuses to seek anyway
upstream: [{release: "6.12", subject: "fs: remove no_llseek"}]
when:
  kernel: {lacks: {declaration: no_llseek, header: linux/fs.h}}
  driver: {contains: {token: no_llseek, files: "**/*.c"}}
transforms:
  - remove-initializer: {files: "**/*.c", field: llseek, value: no_llseek}
ensures:
  - absent: {token: no_llseek, files: "**/*.c"}
)";

Result<Recipe> parse(const std::string& yaml) {
  return parse_recipe(yaml, "r.yaml", "/nowhere");
}

TEST(Recipe, TheContractsExampleIsRead) {
  const auto recipe = parse(whole);
  ASSERT_TRUE(recipe) << recipe.error().message();
  EXPECT_EQ(recipe->id, "6.12-no-llseek-removed");
  ASSERT_EQ(recipe->kernel.size(), 1u);
  EXPECT_EQ(recipe->kernel[0].question.key(), "declaration no_llseek linux/fs.h");
  EXPECT_FALSE(recipe->kernel[0].wanted);
  ASSERT_EQ(recipe->driver.files.size(), 1u);
  EXPECT_TRUE(recipe->driver.files[0].wanted);
  ASSERT_EQ(recipe->steps.size(), 1u);
  EXPECT_EQ(recipe->steps[0].transform->kind(), "remove-initializer");
  ASSERT_EQ(recipe->ensures.size(), 1u);
  EXPECT_FALSE(recipe->ensures[0].wanted);
}

TEST(Recipe, VersionRangesMayStandAlone) {
  const auto recipe = parse(R"(id: x
summary: s
when: {kernel: ">=6.12", driver: ">=535,<550"}
transforms: [{rename-token: {files: "*.c", from: a, to: b}}]
)");
  ASSERT_TRUE(recipe) << recipe.error().message();
  EXPECT_TRUE(recipe->kernel_versions->contains(*Version::parse("6.12.95")));
  EXPECT_FALSE(recipe->driver.versions->contains(*Version::parse("550.54.14")));
}

// What is wrong, where it stands (line and column in the text), and a part of what is said.
struct Bad {
  const char* name;
  const char* yaml;
  int line, column;
  const char* says;
};

class BadRecipe : public testing::TestWithParam<Bad> {};

TEST_P(BadRecipe, SaysWhereAndWhatWasExpected) {
  const auto recipe = parse(GetParam().yaml);
  ASSERT_FALSE(recipe);
  const auto& error = recipe.error();
  EXPECT_EQ(error.kind, ErrorKind::usage);
  ASSERT_TRUE(error.where);
  EXPECT_EQ(error.where->file, "r.yaml");
  EXPECT_EQ(error.where->line, GetParam().line);
  EXPECT_EQ(error.where->column, GetParam().column);
  EXPECT_THAT(error.message(), HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadRecipe,
    testing::Values(
        Bad{"NotYaml", "id: [a\n", 2, 1, "not valid YAML"}, Bad{"Empty", "", 1, 1, "empty"},
        Bad{"List", "- a\n", 1, 1, "a map for a recipe expected, found a list"},
        Bad{"UnknownKey", "id: a\nsumary: s\n", 2, 1, "did you mean 'summary'?"},
        Bad{"UnknownTransform",
            "id: a\nsummary: s\nwhen: {kernel: \">=6\"}\ntransforms:\n  - rename-cal: {files: \"*.c\", from: a, to: "
            "b}\n",
            5, 5, "did you mean 'rename-call'?"},
        Bad{"UnknownParameter",
            "id: a\nsummary: s\nwhen: {kernel: \">=6\"}\ntransforms:\n  - rename-call: {file: \"*.c\", from: a, to: "
            "b}\n",
            5, 19, "unknown key 'file'"},
        Bad{"MissingParameter",
            "id: a\nsummary: s\nwhen: {kernel: \">=6\"}\ntransforms:\n  - rename-call: {files: \"*.c\", from: a}\n", 5,
            18, "has no 'to'"},
        Bad{"WrongType",
            "id: a\nsummary: s\nwhen: {kernel: \">=6\"}\ntransforms:\n  - rename-call: {files: {a: b}, from: a, to: "
            "b}\n",
            5, 26, "expected, found a map"},
        Bad{"BadRange", "id: a\nsummary: s\nwhen: {kernel: \"6.x\"}\ntransforms: []\n", 3, 16, "a range looks like"},
        Bad{"NoTransforms", "id: a\nsummary: s\nwhen: {kernel: \">=6\"}\ntransforms: []\n", 4, 13,
            "a list of transforms expected"},
        Bad{"TwoFactsInOne",
            "id: a\nsummary: s\nwhen:\n  kernel:\n    has: {symbol: x, config: CONFIG_Y}\ntransforms: [{rename-token: "
            "{files: a, "
            "from: a, to: b}}]\n",
            5, 10, "asks for both 'symbol' and 'config'"},
        Bad{"DeclarationWithoutHeader",
            "id: a\nsummary: s\nwhen:\n  kernel:\n    has: {declaration: x}\ntransforms: [{rename-token: {files: a, "
            "from: a, to: "
            "b}}]\n",
            5, 10, "needs the 'header'"},
        Bad{"BadFlavour",
            "id: a\nsummary: s\nwhen: {driver: {flavour: vgpu}}\ntransforms: [{rename-token: {files: a, from: a, to: "
            "b}}]\n",
            3, 26, "'vgpu' is no flavour"},
        Bad{"BadId", "id: A b\nsummary: s\nwhen: {kernel: \">=6\"}\ntransforms: []\n", 1, 5, "other characters"},
        Bad{"PatchOutside",
            "id: a\nsummary: s\nwhen: {kernel: \">=6\"}\ntransforms:\n  - patch: {file: ../../etc/passwd}\n", 5, 19,
            "not the name of a file in patches/"}),
    [](const auto& each) { return std::string(each.param.name); });

std::string minimal(const std::string& id, const std::string& rest = "") {
  return "id: " + id +
         "\nsummary: s\nwhen: {kernel: \">=1\"}\ntransforms: [{rename-token: {files: a, from: a, to: b}}]\n" + rest;
}

Result<Catalogue> catalogue(const std::vector<std::string>& files) {
  std::vector<Recipe> recipes;
  for (const auto& text : files) {
    auto recipe = parse(text);
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

TEST(ParseRecipe, ADiffInAFileIsPartOfTheRecipe) {
  const test::TempFolder temp;
  const std::string diff = "--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+b\n";
  ASSERT_TRUE(write_file(temp / "x.patch", diff));
  const auto recipe = parse_recipe(
      "id: a\nsummary: s\nwhen: {kernel: \">=6\"}\ntransforms:\n  - patch: {file: x.patch}\n", "a.yaml", temp.path());
  ASSERT_TRUE(recipe) << recipe.error().message();
  EXPECT_EQ(recipe->diffs, diff);
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
