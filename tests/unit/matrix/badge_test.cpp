#include "matrix/badge.hpp"

#include "matrix/matrix_fixtures.hpp"

namespace vgpukit::matrix {
namespace {

using testing::HasSubstr;

TEST(Badge, CountsWhatWasWanted) {
  const auto badge = [](std::vector<CellResult> cells) { return svg_of(test::result_of(std::move(cells))); };
  EXPECT_THAT(badge({test::cell("a", "1", Verdict::verified), test::cell("a", "2", Verdict::compiled),
                     test::cell("a", "3", Verdict::unsupported), test::cell("a", "4", Verdict::skipped)}),
              testing::AllOf(HasSubstr("2 / 2 green"), HasSubstr("#1a7f37")));
  EXPECT_THAT(badge({test::cell("a", "1", Verdict::verified), test::cell("a", "2", Verdict::failed)}),
              testing::AllOf(HasSubstr("1 / 2 green"), HasSubstr("#cf222e")));
  EXPECT_THAT(badge({test::cell("a", "1", Verdict::verified), test::cell("a", "2", Verdict::missing)}),
              testing::AllOf(HasSubstr("1 / 2 green"), HasSubstr("#9a6700")));
  EXPECT_THAT(badge({}), HasSubstr("nothing built"));
}

}  // namespace
}  // namespace vgpukit::matrix
