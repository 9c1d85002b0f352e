#include "matrix/matrix_result.hpp"

#include "config.hpp"
#include "matrix/markdown.hpp"
#include "matrix/matrix_fixtures.hpp"

namespace vgpukit::matrix {
namespace {

using test::cell;
using test::result_of;
using testing::HasSubstr;
using testing::Not;

MatrixResult merged(const MatrixResult& a, const MatrixResult& b) {
  auto both = merge_results({{"a.json", a}, {"b.json", b}});
  EXPECT_TRUE(both);
  return both ? *both : MatrixResult{};
}

TEST(MatrixResult, SurvivesBeingWritten) {
  auto one = test::cell("535", "6.12", "failed");
  one.reason = "nv.c:3: no such thing";
  one.recipes = {"6.12-x"};
  one.seconds = 12.5;
  one.build = {{"result", "failed"}};
  const auto read =
      parse_result(document_of(test::result_of({one, test::cell("535", "6.1", "verified")})).dump(), "x.json");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->cells.size(), 2U);
  EXPECT_EQ(nlohmann::json(read->cells[0]), nlohmann::json(one));
  EXPECT_EQ(read->exit_code(), Exit::failed);
}

TEST(MatrixResult, WhatIsNoneIsRefused) {
  const auto why = [](const std::string& text) {
    const auto read = parse_result(text, "x.json");
    EXPECT_FALSE(read) << text;
    return read ? "" : read.error().message();
  };
  EXPECT_THAT(why("{\"vgpukit\": \"0.1"), HasSubstr("ends in the middle"));
  EXPECT_THAT(why("[]"), HasSubstr("not the result of a matrix"));
  EXPECT_THAT(why("{\"result\": \"built\"}"), HasSubstr("not the result of a matrix"));
  EXPECT_THAT(why(R"({"vgpukit": ")" VGPUKIT_VERSION R"(", "cells": [{"driver": "a"}]})"),
              HasSubstr("a cell is not as expected"));
  EXPECT_THAT(why(R"({"vgpukit": "9.9.9", "cells": [{"driver": "a"}]})"),
              testing::AllOf(HasSubstr("vgpukit 9.9.9 wrote it"), HasSubstr("this is " VGPUKIT_VERSION)));
  EXPECT_THAT(why(document_of(test::result_of({test::cell("a", "b", "splendid")})).dump()),
              HasSubstr("'splendid' is no verdict"));
  EXPECT_THAT(
      why(document_of(test::result_of({test::cell("a", "b", "verified"), test::cell("a", "b", "failed")})).dump()),
      HasSubstr("stands twice"));
}

TEST(MatrixResult, TheExitCodeIsThatOfTheWorstCell) {
  EXPECT_EQ(test::result_of({test::cell("a", "1", "verified"), test::cell("a", "2", "compiled"),
                             test::cell("a", "3", "skipped"), test::cell("a", "4", "unsupported")})
                .exit_code(),
            Exit::done);
  EXPECT_EQ(test::result_of({test::cell("a", "1", "consent"), test::cell("a", "2", "missing")}).exit_code(),
            Exit::missing);
  EXPECT_EQ(test::result_of({test::cell("a", "1", "missing"), test::cell("a", "2", "failed")}).exit_code(),
            Exit::failed);
  EXPECT_EQ(test::result_of({test::cell("a", "1", "consent")}).exit_code(), Exit::consent);
}

TEST(Merge, JoinsShards) {
  const auto both = merged(test::result_of({test::cell("a", "1", "verified")}),
                           test::result_of({test::cell("a", "2", "failed"), test::cell("b", "1", "verified")}));
  EXPECT_EQ(both.cells.size(), 3U);
  EXPECT_TRUE(both.contradictions.empty());
  EXPECT_EQ(both.kernels(), (std::vector<std::string>{"1", "2"}));
}

TEST(Merge, WhatWasBuiltCountsMoreThanWhatWasNotTried) {
  EXPECT_EQ(merged(test::result_of({test::cell("a", "1", "verified")}),
                   test::result_of({test::cell("a", "1", "missing", "")}))
                .cells[0]
                .verdict,
            "verified");
  EXPECT_EQ(
      merged(test::result_of({test::cell("a", "1", "skipped", "")}), test::result_of({test::cell("a", "1", "failed")}))
          .cells[0]
          .verdict,
      "failed");
}

TEST(Merge, SameInputsAndAnotherVerdictContradict) {
  for (const bool failed_first : {true, false}) {
    const auto both = merged(test::result_of({test::cell("a", "1", failed_first ? "failed" : "verified")}),
                             test::result_of({test::cell("a", "1", failed_first ? "verified" : "failed")}));
    ASSERT_EQ(both.contradictions.size(), 1U);
    EXPECT_EQ(both.contradictions[0].one, "a.json");
    EXPECT_EQ(both.contradictions[0].other, "b.json");
    EXPECT_EQ(both.cells[0].verdict, "failed");
    EXPECT_EQ(both.exit_code(), Exit::failed);
    EXPECT_THAT(markdown_of(both), HasSubstr("contradict"));
  }
}

TEST(Merge, AMachineWithoutAGuestContradictsNobody) {
  for (const bool loads_first : {true, false}) {
    const auto both = merged(test::result_of({test::cell("a", "1", loads_first ? "loads" : "verified")}),
                             test::result_of({test::cell("a", "1", loads_first ? "verified" : "loads")}));
    EXPECT_TRUE(both.contradictions.empty());
    EXPECT_EQ(both.cells[0].verdict, "loads");
  }
  EXPECT_EQ(merged(test::result_of({test::cell("a", "1", "loads")}), test::result_of({test::cell("a", "1", "failed")}))
                .cells[0]
                .verdict,
            "failed");
  EXPECT_EQ(merged(test::result_of({test::cell("a", "1", "failed")}), test::result_of({test::cell("a", "1", "loads")}))
                .contradictions.size(),
            1U);
}

TEST(Merge, OfDifferentInputsTheLaterCounts) {
  const auto both = merged(test::result_of({test::cell("a", "1", "failed", "yesterday")}),
                           test::result_of({test::cell("a", "1", "verified", "today")}));
  EXPECT_TRUE(both.contradictions.empty());
  EXPECT_EQ(both.cells[0].verdict, "verified");
}

TEST(Merge, VersionsAreNotMixed) {
  const auto both = merge_results({{"a.json", test::result_of({}, "0.1.0")}, {"b.json", test::result_of({}, "0.2.0")}});
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().kind, ErrorKind::usage);
  EXPECT_THAT(both.error().message(), testing::AllOf(HasSubstr("0.1.0"), HasSubstr("0.2.0"), HasSubstr("b.json")));
}

MatrixResult sample() {
  auto good = test::cell("535", "6.12", "verified");
  good.recipes = {"6.12-x", "6.13-y"};
  good.seconds = 95.4;
  good.command = "vgpukit build /d/535 --kernel 6.12.1";
  good.build = {{"driver", {{"version", "535.261.03"}}},
                {"kernel", {{"release", "6.12.95+deb12-amd64"}}},
                {"warnings",
                 {{{"tool", "modpost"}, {"message", "missing MODULE_DESCRIPTION() in nvidia.o"}},
                  {{"tool", "gcc"}, {"message", "unused variable"}},
                  {{"tool", 1}, {"message", "of another form"}}}}};
  auto bad = test::cell("535", "7.2", "failed");
  bad.reason = "nv.c:3: expected '<' | \"\x01\"";
  bad.hint = "read on";
  bad.seconds = 3;
  return test::result_of({good, bad, test::cell("470", "6.12", "skipped"), test::cell("470", "7.2", "missing")});
}

TEST(Markdown, IsATableWithSymbolsWordsAndReasons) {
  const auto text = markdown_of(sample());
  EXPECT_THAT(text, HasSubstr("| | 6.12<br>6.12.95+deb12-amd64 | 7.2 |\n|---|---|---|\n"));
  EXPECT_THAT(text, HasSubstr("| **535**<br>535.261.03 | ✔ verified, 2 recipes, 95 s | ✘ failed, 3 s |\n"));
  EXPECT_THAT(text, HasSubstr("| **470** | · skipped | ∅ missing |\n"));
  EXPECT_THAT(text, HasSubstr("4 cells: 1 verified, 1 failed, 1 missing, 1 skipped"));
  EXPECT_THAT(text, HasSubstr("- **535 on 7.2**: failed: nv.c:3: expected '&lt;' \\|"));
  EXPECT_THAT(text, HasSubstr("- modpost: missing MODULE\\_DESCRIPTION() in nvidia.o (535 on 6.12)\n"));
  EXPECT_THAT(text, Not(HasSubstr("unused variable")));
  EXPECT_THAT(text, HasSubstr("| 6.13-y | 535 | 6.12 |"));
  EXPECT_THAT(text, HasSubstr("    vgpukit build /d/535 --kernel 6.12.1\n"));
}

TEST(Markdown, WhatAMissingBinaryObjectWouldDefineIsSaidOnce) {
  const auto with = [](const std::string& driver, const std::string& verdict) {
    auto one = test::cell(driver, "6.12", verdict);
    one.build = {{"warnings",
                  {{{"tool", "modpost"}, {"message", "\"rm_init\" [nvidia.ko] undefined!"}},
                   {{"tool", "modpost"}, {"message", "\"rm_exit\" [nvidia.ko] undefined!"}},
                   {{"tool", "modpost"},
                    {"message", "suppressed 160 unresolved symbol warnings because there were too many)"}}}}};
    return one;
  };
  const auto text =
      markdown_of(test::result_of({with("vgpu-525", "compiled"), with("525", "compiled"), with("535", "verified")}));
  EXPECT_THAT(text,
              HasSubstr("- modpost: symbols of the binary object that the package lacks are undefined, and no others "
                        "(vgpu-525 on 6.12, 525 on 6.12)\n"));
  EXPECT_THAT(text, HasSubstr("- modpost: \"rm\\_init\" \\[nvidia.ko\\] undefined! (535 on 6.12)\n"));
}

TEST(JUnit, CountsAndEscapes) {
  const auto text = junit_of(sample());
  EXPECT_THAT(text, HasSubstr(R"(<testsuite name="535" tests="2" failures="1" errors="0" skipped="0" time="98.4">)"));
  EXPECT_THAT(text, HasSubstr(R"(<testsuite name="470" tests="2" failures="0" errors="1" skipped="1" time="0.0">)"));
  EXPECT_THAT(text, HasSubstr(R"(<testcase classname="535" name="6.12" time="95.4"/>)"));
  EXPECT_THAT(text,
              HasSubstr(R"(<failure message="failed: nv.c:3: expected '&lt;' | &quot;&quot;" type="failed">read on)"));
  EXPECT_THAT(text, Not(HasSubstr("\x01")));
}

}  // namespace
}  // namespace vgpukit::matrix
