// vgpukit recipe list|show|lint|schema
#include "cli/cli_fixture.hpp"
#include "recipe/recipe_fixture.hpp"

namespace vgpukit::cli {
namespace {

class RecipeCommand : public CommandLine {
 protected:
  // Only the recipes of a folder of the test.
  [[nodiscard]] std::vector<std::string> own(std::vector<std::string> words) const {
    words.insert(words.end(), {"--no-shipped-recipes", "--recipes", (temp / "recipes").string()});
    return words;
  }
  void write(const std::string& id, const std::string& text) const {
    test::put(temp / "recipes" / (id + ".yaml"), text);
  }
};

TEST_F(RecipeCommand, ListsTheShippedRecipes) {
  const auto list = vgpukit({"recipe", "list"});
  EXPECT_EQ(list.code, 0) << list.err;
  EXPECT_THAT(list.out, HasSubstr("6.12-no-llseek-removed\n    no_llseek is gone"));
  EXPECT_THAT(list.out, HasSubstr("6.6-symbol-get-gpl-only  needs --accept gpl-export"));
}

TEST_F(RecipeCommand, ListsThoseOfAFolderInTheOrderOfVersions) {
  write("6.12-b", test::recipe_text("6.12-b"));
  write("6.2-a", test::recipe_text("6.2-a", "own-notice"));
  EXPECT_EQ(vgpukit(own({"recipe", "list"})).out,
            "6.2-a  needs --accept own-notice\n    old_call() is gone; new_call() does the same\n"
            "6.12-b\n    old_call() is gone; new_call() does the same\n");
  const auto document = json(own({"recipe", "list"}));
  ASSERT_EQ(document["recipes"].size(), 2U);
  EXPECT_EQ(document["recipes"][0]["id"], "6.2-a");
  EXPECT_EQ(document["recipes"][0]["notice"], "own-notice");
  EXPECT_EQ(document["recipes"][1]["file"], (temp / "recipes/6.12-b.yaml").string());
}

TEST_F(RecipeCommand, ShowsTheTextOfOne) {
  write("6.12-b", test::recipe_text("6.12-b"));
  const auto show = vgpukit(own({"recipe", "show", "6.12-b"}));
  EXPECT_EQ(show.code, 0);
  EXPECT_EQ(show.out, "# " + (temp / "recipes/6.12-b.yaml").string() + "\n" + test::recipe_text("6.12-b"));
  EXPECT_EQ(json(own({"recipe", "show", "6.12-b"}))["text"], test::recipe_text("6.12-b"));
}

TEST_F(RecipeCommand, AWrongIdNamesTheNearest) {
  refused({"recipe", "show", "6.12-no-lseek-removed"},
          {"no recipe has that id", "did you mean '6.12-no-llseek-removed'?"});
  refused({"recipe", "show", "quite-another"}, {"vgpukit recipe list shows all ids"});
}

TEST_F(RecipeCommand, AnErrorInARecipeHasItsPlace) {
  write("6.12-b", "id: 6.12-b\nsumary: x\n");
  const auto file = (temp / "recipes/6.12-b.yaml").string();
  refused(own({"recipe", "list"}), {file + ":2:1: unknown key 'sumary'", "did you mean 'summary'?"});
  const auto error = json(own({"recipe", "list"}), 2)["errors"][0];
  EXPECT_EQ(error["file"], file);
  EXPECT_EQ(error["line"], 2);
  EXPECT_EQ(error["column"], 1);
}

TEST_F(RecipeCommand, LintListsAllFaults) {
  write("6.12-b", "id: 6.12-b\nsumary: x\n");
  write("6.2-a", "id: [\n");
  const auto lint = vgpukit(own({"recipe", "lint"}));
  EXPECT_EQ(lint.code, 1);
  EXPECT_THAT(lint.out, HasSubstr("6.12-b.yaml:2:1: error: unknown key 'sumary'"));
  EXPECT_THAT(lint.out, HasSubstr("6.2-a.yaml:"));
  EXPECT_THAT(lint.out, HasSubstr("\n2 error(s), 0 warning(s)\n"));
  EXPECT_EQ(json(own({"recipe", "lint"}), 1)["errors"], 2);
}

TEST_F(RecipeCommand, UnusedNeedsAResult) {
  test::put(temp / "result.json", "no json");
  refused({"recipe", "list", "--unused", (temp / "result.json").string()}, {"it is not JSON"});
  write("6.12-b", test::recipe_text("6.12-b"));
  write("6.2-a", test::recipe_text("6.2-a"));
  test::put(temp / "result.json", R"({"recipes": [{"id": "6.12-b", "state": "applies"}]})");
  const auto unused = json(own({"recipe", "list", "--unused", (temp / "result.json").string()}), 1);
  ASSERT_EQ(unused["unused"].size(), 1U);
  EXPECT_EQ(unused["unused"][0]["id"], "6.2-a");
  EXPECT_EQ(unused["unexplained"], 1);
}

TEST_F(RecipeCommand, TheSchemaIsJson) {
  const auto schema = vgpukit({"recipe", "schema"});
  EXPECT_EQ(schema.code, 0);
  const auto document = nlohmann::json::parse(schema.out, nullptr, false);
  ASSERT_TRUE(document.is_object());
  EXPECT_TRUE(document["properties"].contains("transforms"));
}

}  // namespace
}  // namespace vgpukit::cli
