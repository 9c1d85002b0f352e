#include "matrix/junit.hpp"

#include "matrix/matrix_fixtures.hpp"

namespace vgpukit::matrix {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(JUnit, CountsAndEscapes) {
  const auto text = junit_of(test::sample_result());
  EXPECT_THAT(text, HasSubstr(R"(<testsuite name="535" tests="2" failures="1" errors="0" skipped="0" time="98.4">)"));
  EXPECT_THAT(text, HasSubstr(R"(<testsuite name="470" tests="2" failures="0" errors="1" skipped="1" time="0.0">)"));
  EXPECT_THAT(text, HasSubstr(R"(<testcase classname="535" name="6.12" time="95.4"/>)"));
  EXPECT_THAT(
      text,
      HasSubstr(
          R"(<failure message="failed: nv.c:3: expected &apos;&lt;&apos; | &quot;&quot;" type="failed">read on)"));
  EXPECT_THAT(text, Not(HasSubstr("\x01")));
}

}  // namespace
}  // namespace vgpukit::matrix
