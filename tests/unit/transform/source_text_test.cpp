#include "transform/source_text.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

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

TEST(TextEdits, ThatOverlapAreAnError) {
  TextEdits edits;
  edits.replace(0, 4, "");
  edits.replace(2, 1, "x");
  EXPECT_THROW(static_cast<void>(edits.apply("abcdef")), std::logic_error);
}

}  // namespace
}  // namespace vgpukit::transform
