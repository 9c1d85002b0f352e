#include "recipe/parse_recipe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/atomic_file.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::recipe {
namespace {

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

TEST(ParseRecipe, ReadsACompleteRecipe) {
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

TEST(ParseRecipe, VersionRangesMayStandAlone) {
  const auto recipe = parse(R"(id: x
summary: s
when: {kernel: ">=6.12", driver: ">=535,<550"}
transforms: [{rename-token: {files: "*.c", from: a, to: b}}]
)");
  ASSERT_TRUE(recipe) << recipe.error().message();
  EXPECT_TRUE(recipe->kernel_versions->contains(*Version::parse("6.12.95")));
  EXPECT_FALSE(recipe->driver.versions->contains(*Version::parse("550.54.14")));
}

// A faulty recipe, the position of the fault, and a part of the message.
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
            3, 26, "'vgpu' is not a flavour"},
        Bad{"BadId", "id: A b\nsummary: s\nwhen: {kernel: \">=6\"}\ntransforms: []\n", 1, 5, "other characters"},
        Bad{"PatchOutside",
            "id: a\nsummary: s\nwhen: {kernel: \">=6\"}\ntransforms:\n  - patch: {file: ../../etc/passwd}\n", 5, 19,
            "not the name of a file in patches/"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(ParseRecipe, ADiffInAFileIsPartOfTheRecipe) {
  const test::TempFolder temp;
  const std::string diff = "--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+b\n";
  ASSERT_TRUE(write_file(temp / "x.patch", diff));
  const auto recipe = parse_recipe(
      "id: a\nsummary: s\nwhen: {kernel: \">=6\"}\ntransforms:\n  - patch: {file: x.patch}\n", "a.yaml", temp.path());
  ASSERT_TRUE(recipe) << recipe.error().message();
  EXPECT_EQ(recipe->diffs, diff);
}

}  // namespace
}  // namespace vgpukit::recipe
