#include "transform/source_text.hpp"

#include <gtest/gtest.h>

namespace vgpukit::transform {
namespace {

TEST(TextEdits, AreAppliedTogether) {
  TextEdits edits;
  EXPECT_TRUE(edits.empty());
  edits.replace(4, 1, "E");
  edits.replace(0, 2, "");
  edits.replace(6, 0, "!");
  EXPECT_EQ(edits.apply("abcdef"), "cdEf!");
  EXPECT_EQ(edits.size(), 3U);
  EXPECT_EQ(TextEdits().apply("abc"), "abc");
}

}  // namespace
}  // namespace vgpukit::transform
