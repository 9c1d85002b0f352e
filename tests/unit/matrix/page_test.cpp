#include "matrix/page.hpp"

#include "matrix/matrix_fixtures.hpp"

namespace vgpukit::matrix {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

CellResult built(const std::string& driver, const std::string& kernel, const json& build) {
  auto one = test::cell(driver, kernel, Verdict::verified);
  one.build = build;
  return one;
}

TEST(PageData, StoresSharedValuesOnce) {
  const json build = {
      {"recipes", {{{"id", "6.1-x"}, {"state", "applies"}, {"reason", "so"}, {"summary", "S"}, {"files", {"a.c"}}}}},
      {"diff", "diff --git a/a.c b/a.c\n"},
      {"driver", {{"version", "535.1"}}},
      {"modules", {{{"name", "nvidia"}, {"bytes", 5}}}}};
  const auto result =
      test::result_of({built("d", "1", build), built("d", "2", build), test::cell("e", "1", Verdict::missing)});
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
  auto first = test::result_of({test::cell("a", "1", Verdict::verified), test::cell("b", "1", Verdict::verified)});
  auto second = test::result_of({test::cell("a", "0", Verdict::verified), test::cell("c", "1", Verdict::verified)});
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

TEST(PageData, AcceptsAnyDocumentOfABuild) {
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

TEST(Page, ContainsAllPartsAndEscapesItsData) {
  auto bad = test::cell("d", "1", Verdict::failed);
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

}  // namespace
}  // namespace vgpukit::matrix
