#include "support/version.hpp"

#include <gtest/gtest.h>

namespace vgpukit {
namespace {

Version v(std::string_view text) {
  return Version::parse(text).value();
}
VersionRange range(std::string_view text) {
  auto parsed = VersionRange::parse(text);
  EXPECT_TRUE(parsed) << text;
  return std::move(parsed).value();
}

TEST(Version, ReadsDigitsAndDotsOnly) {
  EXPECT_EQ(v("535.247.02").parts, (std::vector<unsigned>{535, 247, 2}));
  EXPECT_EQ(v("535.247.02").text, "535.247.02");
  for (const char* bad : {"", ".", "535.", ".5", "5..1", "6.1.0-50-amd64", "535.xxx", "v6", " 6", "6 ", "99999999999"})
    EXPECT_FALSE(Version::parse(bad)) << bad;
}

TEST(Version, TakesTheLeadingVersionOfAWord) {
  EXPECT_EQ(Version::leading("6.1.0-50-amd64")->text, "6.1.0");
  EXPECT_EQ(Version::leading("6.12.95+deb12-amd64")->text, "6.12.95");
  EXPECT_EQ(Version::leading("6.x")->text, "6");
  EXPECT_FALSE(Version::leading("amd64"));
}

TEST(Version, ComparesNumbersAndFillsWithZeros) {
  EXPECT_EQ(v("6.12"), v("6.12.0"));
  EXPECT_LT(v("6.9"), v("6.12"));
  EXPECT_LT(v("535.54.03"), v("535.247.02"));
  EXPECT_GT(v("7"), v("6.99.99"));
}

TEST(VersionRange, AllComparisonsMustHold) {
  const auto branch = range(" >=535 , <550 ");
  EXPECT_TRUE(branch.contains(v("535.247.02")));
  EXPECT_TRUE(branch.contains(v("545.1")));
  EXPECT_FALSE(branch.contains(v("550.54")));
  EXPECT_FALSE(branch.contains(v("525.85.07")));
}

TEST(VersionRange, OnlyThePartsThatTheBoundWritesCount) {
  EXPECT_TRUE(range("==535").contains(v("535.247.02")));
  EXPECT_TRUE(range("535").contains(v("535.247.02")));
  EXPECT_TRUE(range("<=535").contains(v("535.247.02")));
  EXPECT_FALSE(range(">6.12").contains(v("6.12.95")));
  EXPECT_FALSE(range("<6.12").contains(v("6.12.95")));
  EXPECT_TRUE(range(">6.12").contains(v("6.13")));
  EXPECT_TRUE(range(">=6.12.5").contains(v("6.13")));
  EXPECT_FALSE(range(">=6.12.5").contains(v("6.12")));
  EXPECT_TRUE(range("<6.12.5").contains(v("6.12")));
}

TEST(VersionRange, SaysWhichPartIsWrong) {
  const auto why = [](std::string_view text) {
    auto parsed = VersionRange::parse(text);
    EXPECT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::usage);
    return parsed.error().message();
  };
  EXPECT_NE(why(">=535,<55x").find("\"55x\" is not a version"), std::string::npos);
  EXPECT_NE(why("~>535").find("\"~>\" is not a comparison"), std::string::npos);
  EXPECT_NE(why("!=535").find("\"!=\" is not a comparison"), std::string::npos);
  EXPECT_NE(why(">=535,").find("empty"), std::string::npos);
  EXPECT_NE(why("").find("empty"), std::string::npos);
  EXPECT_NE(why(">=").find("not a version"), std::string::npos);
}

}  // namespace
}  // namespace vgpukit
