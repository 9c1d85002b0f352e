#include "support/checksummed_file.hpp"

#include <gtest/gtest.h>

#include "support/atomic_file.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit {
namespace {

TEST(ChecksummedFile, GivesBackWhatWasWritten) {
  const test::TempFolder temp;
  write_checksummed(temp / "cache/file", "two\nlines");
  EXPECT_EQ(read_checksummed(temp / "cache/file"), "two\nlines");
}

TEST(ChecksummedFile, IsEmptyWhenItIsAbsentCutOffOrChanged) {
  const test::TempFolder temp;
  const auto file = temp / "file";
  EXPECT_EQ(read_checksummed(file), std::nullopt);
  write_checksummed(file, "a body of some length");
  const auto text = *read_file(file);
  auto changed = text;
  changed[text.size() / 2 + 10] ^= 1;
  for (const auto& damaged : {text.substr(0, text.size() - 1), text.substr(0, 20), std::string(), text + "more",
                              std::string("junk\nmore junk"), changed}) {
    ASSERT_TRUE(write_file(file, damaged));
    EXPECT_EQ(read_checksummed(file), std::nullopt) << damaged;
  }
}

TEST(ChecksummedFile, APlaceThatCannotBeWrittenIsNoError) {
  write_checksummed("/proc/no/such/place", "body");
  EXPECT_EQ(read_checksummed("/proc/no/such/place"), std::nullopt);
}

}  // namespace
}  // namespace vgpukit
