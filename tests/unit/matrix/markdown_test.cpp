#include "matrix/markdown.hpp"

#include "matrix/badge.hpp"
#include "matrix/junit.hpp"
#include "matrix/matrix_fixtures.hpp"
#include "matrix/page.hpp"

namespace vgpukit::matrix {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Markdown, IsATableWithSymbolsWordsAndReasons) {
  const auto text = markdown_of(test::sample_result());
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

TEST(Markdown, SymbolsOfAMissingBinaryObjectAreOneEntry) {
  const auto with = [](const std::string& driver, Verdict verdict) {
    auto one = test::cell(driver, "6.12", verdict);
    one.build = {{"warnings",
                  {{{"tool", "modpost"}, {"message", "\"rm_init\" [nvidia.ko] undefined!"}},
                   {{"tool", "modpost"}, {"message", "\"rm_exit\" [nvidia.ko] undefined!"}},
                   {{"tool", "modpost"},
                    {"message", "suppressed 160 unresolved symbol warnings because there were too many)"}}}}};
    return one;
  };
  const auto text = markdown_of(test::result_of(
      {with("vgpu-525", Verdict::compiled), with("525", Verdict::compiled), with("535", Verdict::verified)}));
  EXPECT_THAT(text,
              HasSubstr("- modpost: symbols of the binary object that the package lacks are undefined, and no others "
                        "(vgpu-525 on 6.12, 525 on 6.12)\n"));
  EXPECT_THAT(text, HasSubstr("- modpost: \"rm\\_init\" \\[nvidia.ko\\] undefined! (535 on 6.12)\n"));
}

TEST(Markdown, LoadedIsAVerdictOfItsOwnAndGreenInEveryReport) {
  auto loaded = test::cell("a", "1", Verdict::loads);
  loaded.build = {{"load", {{"seconds", 3.5}, {"status", 0}, {"lines", {"it is there"}}}}};
  auto not_here = test::cell("a", "2", Verdict::verified);
  not_here.reason = "not loaded, because that is not possible on this machine: no QEMU";
  const auto result = test::result_of({loaded, not_here});
  EXPECT_EQ(result.outcome(), MatrixOutcome::done);
  const auto text = markdown_of(result);
  EXPECT_THAT(
      text, testing::AllOf(HasSubstr("| ★ loads, 0 s |"), HasSubstr("1 loads, 1 verified"), Not(HasSubstr("not green")),
                           HasSubstr("## What was not loaded\n\n- **a on 2**: not loaded")));
  EXPECT_THAT(junit_of(result), testing::AllOf(HasSubstr("tests=\"2\" failures=\"0\" errors=\"0\" skipped=\"0\""),
                                               HasSubstr("name=\"1\"")));
  EXPECT_EQ(page_data(result, std::nullopt, true)["cells"][0]["load"]["lines"][0], "it is there");
  EXPECT_THAT(svg_of(result), HasSubstr("2 / 2 green"));
  const auto changes =
      changes_since(test::result_of({test::cell("a", "1", Verdict::verified)}), test::result_of({loaded}));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].text, "was verified, is loads");
}

}  // namespace
}  // namespace vgpukit::matrix
