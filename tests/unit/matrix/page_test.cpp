#include "matrix/emit.hpp"
#include "matrix/markdown.hpp"
#include "matrix/matrix_fixtures.hpp"
#include "matrix/result_changes.hpp"

namespace vgpukit::matrix {
namespace {

using nlohmann::json;
using test::cell;
using test::result_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

CellResult built(const std::string& driver, const std::string& kernel, const json& build) {
  auto one = test::cell(driver, kernel, "verified");
  one.build = build;
  return one;
}

std::vector<std::string> texts(const std::vector<CellChange>& changes) {
  std::vector<std::string> all;
  for (const auto& change : changes) all.push_back(change.driver + " on " + change.kernel + ": " + change.text);
  return all;
}

TEST(Changes, AreVerdictsCausesAndRecipes) {
  auto slow = test::cell("a", "1", "verified");
  slow.seconds = 100;
  auto recipes = test::cell("a", "2", "verified");
  recipes.recipes = {"6.1-x", "6.2-y"};
  auto other_recipes = recipes;
  other_recipes.recipes = {"6.2-y", "6.3-z"};
  auto cause = test::cell("a", "3", "failed");
  cause.reason = "this";
  auto other_cause = cause;
  other_cause.reason = "that";
  const auto before = test::result_of({test::cell("a", "1", "verified"), recipes, cause, test::cell("a", "4", "failed"),
                                       test::cell("b", "1", "failed")});
  const auto now = test::result_of(
      {slow, other_recipes, other_cause, test::cell("a", "4", "verified"), test::cell("c", "1", "missing")});
  EXPECT_THAT(
      texts(changes_since(before, now)),
      ElementsAre("a on 2: recipes: + 6.3-z, - 6.1-x", "a on 3: still failed, for another reason; it was: this",
                  "a on 4: was failed, is verified", "c on 1: new: missing", "b on 1: no longer there; it was failed"));
  EXPECT_TRUE(changes_since(now, now).empty());
  EXPECT_THAT(markdown_of(now, Baseline{"old.json", before}), HasSubstr("## What changed since old.json"));
  EXPECT_THAT(markdown_of(now, Baseline{"old.json", now}), HasSubstr("Nothing."));
}

TEST(PageData, SaysOnceWhatCellsShare) {
  const json build = {
      {"recipes", {{{"id", "6.1-x"}, {"state", "applies"}, {"reason", "so"}, {"summary", "S"}, {"files", {"a.c"}}}}},
      {"diff", "diff --git a/a.c b/a.c\n"},
      {"driver", {{"version", "535.1"}}},
      {"modules", {{{"name", "nvidia"}, {"bytes", 5}}}}};
  const auto result =
      test::result_of({built("d", "1", build), built("d", "2", build), test::cell("e", "1", "missing")});
  const auto data = page_data(result, std::nullopt, true);
  EXPECT_EQ(data["drivers"].size(), 2U);
  EXPECT_EQ(data["drivers"][0]["version"], "535.1");
  EXPECT_EQ(data["diffs"].size(), 1U);
  EXPECT_EQ(data["decisions"], json::parse(R"([[0, "applies", "so", ["a.c"]]])"));
  EXPECT_EQ(data["cells"][1]["recipes"], json::array({0}));
  EXPECT_EQ(data["cells"][1]["diff"], 0);
  EXPECT_FALSE(data["cells"][2].contains("diff"));
  EXPECT_FALSE(page_data(result, std::nullopt, false)["cells"][1].contains("diff"));
}

TEST(PageData, IsInTheOrderOfTheMatrixFileAlsoWhenShardsWereJoined) {
  auto first = test::result_of({test::cell("a", "1", "verified"), test::cell("b", "1", "verified")});
  auto second = test::result_of({test::cell("a", "0", "verified"), test::cell("c", "1", "verified")});
  first.driver_order = second.driver_order = {"c", "b", "a", "other"};
  first.kernel_order = second.kernel_order = {"0", "1"};
  const auto merged = merge_results({{"1.json", first}, {"2.json", second}});
  ASSERT_TRUE(merged);
  const auto read = parse_result(document_of(*merged).dump(), "x.json");
  ASSERT_TRUE(read);
  EXPECT_THAT(read->drivers(), ElementsAre("c", "b", "a"));
  EXPECT_THAT(read->kernels(), ElementsAre("0", "1"));
  const auto data = page_data(*read, std::nullopt, true);
  EXPECT_EQ(data["drivers"][0]["name"], "c");
  EXPECT_EQ(data["cells"][0]["driver"], 2);
  EXPECT_EQ(data["cells"][0]["kernel"], 1);
}

TEST(PageData, BelievesNothingOfABuildsDocument) {
  for (const auto& build : {json("a"), json(3), json::array({1}),
                            json{{"recipes", 1}, {"errors", {{"a", 1}}}, {"modules", {1, "b"}}, {"seconds", "x"}},
                            json{{"errors", {1, nullptr}},
                                 {"warnings", {nullptr}},
                                 {"notices", {2}},
                                 {"driver", 1},
                                 {"kernel", {1}},
                                 {"diff", {1}}}})
    EXPECT_EQ(page_data(test::result_of({built("d", "1", build)}), std::nullopt, true)["cells"].size(), 1U) << build;
}

TEST(Page, HasEverythingInItAndNothingThatEndsItsData) {
  auto bad = test::cell("d", "1", "failed");
  bad.reason = "</script><!-- \xFF";
  const auto page = html_of(test::result_of({bad}));
  EXPECT_THAT(
      page, testing::AllOf(HasSubstr("<style>"), HasSubstr("\\u003c/script>\\u003c!-- "),
                           Not(HasSubstr("</script><!--")), Not(HasSubstr("/* style */")), Not(HasSubstr("/* grid */")),
                           Not(HasSubstr("/* cell */")), Not(HasSubstr("http:")), Not(HasSubstr("https:"))));
  const auto begin = page.find("id=\"data\">") + 10;
  const auto data = json::parse(page.substr(begin, page.find("</script>", begin) - begin));
  EXPECT_EQ(data["cells"][0]["reason"], "</script><!-- \xEF\xBF\xBD");
}

TEST(Reports, LoadedIsAVerdictOfItsOwnAndGreen) {
  auto loaded = test::cell("a", "1", "loads");
  loaded.build = {{"load", {{"seconds", 3.5}, {"status", 0}, {"lines", {"it is there"}}}}};
  auto not_here = test::cell("a", "2", "verified");
  not_here.reason = "not loaded, that is not possible here: no QEMU";
  const auto result = test::result_of({loaded, not_here});
  EXPECT_EQ(result.exit_code(), Exit::done);
  const auto text = markdown_of(result);
  EXPECT_THAT(
      text, testing::AllOf(HasSubstr("| ★ loads, 0 s |"), HasSubstr("1 loads, 1 verified"), Not(HasSubstr("not green")),
                           HasSubstr("## What was not loaded\n\n- **a on 2**: not loaded")));
  EXPECT_THAT(junit_of(result), testing::AllOf(HasSubstr("tests=\"2\" failures=\"0\" errors=\"0\" skipped=\"0\""),
                                               HasSubstr("name=\"1\"")));
  EXPECT_EQ(page_data(result, std::nullopt, true)["cells"][0]["load"]["lines"][0], "it is there");
  EXPECT_THAT(svg_of(result), HasSubstr("2 / 2 green"));
  const auto changes = changes_since(test::result_of({test::cell("a", "1", "verified")}), test::result_of({loaded}));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].text, "was verified, is loads");
}

TEST(Badge, CountsWhatWasWanted) {
  const auto badge = [](std::vector<CellResult> cells) { return svg_of(test::result_of(std::move(cells))); };
  EXPECT_THAT(badge({test::cell("a", "1", "verified"), test::cell("a", "2", "compiled"),
                     test::cell("a", "3", "unsupported"), test::cell("a", "4", "skipped")}),
              testing::AllOf(HasSubstr("2 / 2 green"), HasSubstr("#1a7f37")));
  EXPECT_THAT(badge({test::cell("a", "1", "verified"), test::cell("a", "2", "failed")}),
              testing::AllOf(HasSubstr("1 / 2 green"), HasSubstr("#cf222e")));
  EXPECT_THAT(badge({test::cell("a", "1", "verified"), test::cell("a", "2", "missing")}),
              testing::AllOf(HasSubstr("1 / 2 green"), HasSubstr("#9a6700")));
  EXPECT_THAT(badge({}), HasSubstr("nothing built"));
}

TEST(Emit, PartsAreTheShardsOfTheSameCells) {
  const auto file = test::matrix_of(
      "drivers: [{name: a, driver: ./a}, {name: b, driver: ./b}, {name: c, driver: ./c}]\n"
      "kernels: [{name: x, root: ./x, kernel: '6.1'}, {name: y, root: ./y, kernel: '6.1'}]\n",
      "/nowhere");
  const auto host = HostPaths::of_this_machine("/");
  ASSERT_TRUE(host);
  const auto made = make_grid(file, *host);
  ASSERT_TRUE(made);
  const auto& grid = *made;
  const auto parts = parts_of(grid, 4);
  ASSERT_EQ(parts.size(), 4U);
  EXPECT_EQ(parts[1].name, "a on y and 1 more");
  EXPECT_EQ(parts[2].name, "b on x");
  for (const auto& part : parts) {
    auto share = grid;
    select_cells(share, "", *Shard::parse(part.shard));
    EXPECT_TRUE(part.name.starts_with(share.label(share.cells.front()))) << part.name;
    EXPECT_EQ(part.name.ends_with(" more"), share.cells.size() > 1) << part.name;
  }
  EXPECT_EQ(parts_of(grid, 100).size(), 6U);
}

}  // namespace
}  // namespace vgpukit::matrix
