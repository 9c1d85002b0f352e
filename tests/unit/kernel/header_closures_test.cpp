#include "kernel/header_closures.hpp"

#include <gmock/gmock.h>

namespace vgpukit::kernel {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::SizeIs;

// What gcc 12 says of "#include <a.h>", "#include <c.h>", "#include <b.h>" with "-include /i/k.h": a.h and c.h include
// b.h
constexpr const char* walk =
    "# 0 \"<stdin>\"\n# 0 \"<built-in>\"\n# 0 \"<command-line>\"\n# 1 \"/i/k.h\" 1\n# 0 \"<command-line>\" 2\n# 1 "
    "\"<stdin>\"\n"
    "#include <a.h>\n# 1 \"<stdin>\"\n# 1 \"/i/a.h\" 1\n#include <b.h>\n# 1 \"/i/a.h\"\n# 1 \"/i/b.h\" 1\nint b;\n"
    "# 2 \"/i/a.h\" 2\n# 2 \"<stdin>\" 2\n#include <c.h>\n# 2 \"<stdin>\"\n# 1 \"/i/c.h\" 1\n#include \"b.h\"\n#  "
    "include MACRO\n"
    "# 2 \"/i/c.h\"\n# 1 \"/i/m.h\" 1\n# 3 \"/i/c.h\" 2\n# 3 \"<stdin>\" 2\n#include <b.h>\n#include <gone.h>\n";

HeaderClosures read(std::string_view preprocessed) {
  HeaderClosures closures;
  closures.add(preprocessed);
  return closures;
}

TEST(HeaderClosures, AGuardedIncludeCountsAndSoDoesAMacro) {
  const auto closures = read(walk);
  const auto always = closures.of({}).value();
  EXPECT_THAT(always, SizeIs(2)) << "the command line and what it includes";
  const auto b = closures.of({"b.h"}).value();
  EXPECT_THAT(b, SizeIs(3));
  const auto a = closures.of({"a.h"}).value();
  EXPECT_THAT(a, SizeIs(4));
  const auto c = closures.of({"c.h"}).value();
  EXPECT_THAT(c, SizeIs(5)) << "c.h, b.h by its quoted name, m.h by a macro";
  EXPECT_TRUE(std::includes(c.begin(), c.end(), b.begin(), b.end()));
  EXPECT_FALSE(std::includes(c.begin(), c.end(), a.begin(), a.end()));
  EXPECT_THAT(closures.of({"a.h", "c.h"}).value(), SizeIs(6));
}

TEST(HeaderClosures, WhatWasNeverReadIsNotKnown) {
  const auto closures = read(walk);
  EXPECT_FALSE(closures.of({"gone.h"}));
  EXPECT_FALSE(closures.of({"a.h", "m.h"})) << "reached by a macro only";
  EXPECT_FALSE(read("").of({"a.h"}));
}

TEST(HeaderClosures, WhatIsAddedLaterLeavesTheNumbersAsTheyAre) {
  HeaderClosures closures;
  closures.add("# 0 \"<stdin>\"\n#include <a.h>\n# 1 \"<stdin>\"\n# 1 \"/i/a.h\" 1\n# 2 \"<stdin>\" 2\n");
  const auto before = closures.of({"a.h"});
  EXPECT_FALSE(closures.knows("c.h"));
  closures.add(
      "# 0 \"<stdin>\"\n#include <c.h>\n# 1 \"<stdin>\"\n# 1 \"/i/c.h\" 1\n#include <a.h>\n# 1 \"/i/c.h\"\n# 1 "
      "\"/i/a.h\" 1\n"
      "# 2 \"/i/c.h\" 2\n# 2 \"<stdin>\" 2\n");
  EXPECT_THAT(before.value(), SizeIs(1));
  EXPECT_EQ(closures.of({"a.h"}), before);
  EXPECT_THAT(closures.of({"c.h"}).value(), testing::AllOf(SizeIs(2), Contains(*before->begin())));
}

TEST(Chains, EachIsAPartOfTheNext) {
  const std::vector<HeaderClosures::Files> sets = {{1, 2, 3}, {1}, {1, 2}, {4}, {1, 4}, {1, 2, 3, 4, 5}, {6}, {1, 2}};
  EXPECT_THAT(chains_of_closures(sets), ElementsAre(ElementsAre(1, 7, 2, 0, 5), ElementsAre(3, 4), ElementsAre(6)));
}

}  // namespace
}  // namespace vgpukit::kernel
