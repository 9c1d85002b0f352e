#include "install/dkms.hpp"

#include <gtest/gtest.h>

namespace vgpukit::install {
namespace {

TEST(DkmsStatus, ReadsTheOldAndTheNewForm) {
  const auto old = parse_dkms_status("nvidia, 535.0.1, 5.10.0-46-amd64, x86_64: installed\n");
  const auto now = parse_dkms_status("nvidia/535.0.1, 5.10.0-46-amd64, x86_64: installed\n");
  const std::vector<DkmsEntry> wanted = {{"nvidia", "535.0.1", "5.10.0-46-amd64", "x86_64", "installed", ""}};
  EXPECT_EQ(old, wanted);
  EXPECT_EQ(now, wanted);
}

TEST(DkmsStatus, AnAddedModuleHasNoKernel) {
  const std::vector<DkmsEntry> wanted = {{"nvidia", "535.0.1", "", "", "added", ""}};
  EXPECT_EQ(parse_dkms_status("nvidia/535.0.1: added"), wanted);
  EXPECT_EQ(parse_dkms_status("nvidia, 535.0.1: added"), wanted);
}

TEST(DkmsStatus, KeepsWhatDkmsRemarks) {
  const auto entries = parse_dkms_status(
      "nvidia/535.0.1, 6.1.0-56-amd64, x86_64: installed (WARNING! Diff between built and installed module!)\n"
      "nvidia/535.0.1, 6.12.1, x86_64: built (Original modules exist)\n"
      "nvidia, 535.0.1, 6.12.2, x86_64: installed-weak from 6.12.1\n");
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].remark, "WARNING! Diff between built and installed module!");
  EXPECT_EQ(entries[1].state, "built");
  EXPECT_EQ(entries[1].remark, "Original modules exist");
  EXPECT_EQ(entries[2].state, "installed-weak");
  EXPECT_EQ(entries[2].remark, "from 6.12.1");
}

TEST(DkmsStatus, ABrokenEntryIsOneAndItsExplanationIsNot) {
  const auto entries = parse_dkms_status(
      "nvidia/535.0.1: broken\n"
      "Error! nvidia/535.0.1: Missing the module source directory or the symbolic link pointing to it.\n"
      "Manual intervention is required!\n"
      "Warning: there are no modules\n\n: installed\nnvidia/, 6.1, x86_64: built\n");
  const std::vector<DkmsEntry> wanted = {{"nvidia", "535.0.1", "", "", "broken", ""}};
  EXPECT_EQ(entries, wanted);
}

TEST(DkmsVersion, ReadsEveryFormThatIsKnown) {
  EXPECT_EQ(parse_dkms_version("dkms-3.0.10\n")->text, "3.0.10");
  EXPECT_EQ(parse_dkms_version("dkms: 2.8.4\n")->text, "2.8.4");
  EXPECT_EQ(parse_dkms_version("dkms:2.8\n")->text, "2.8");
  EXPECT_FALSE(parse_dkms_version("dkms\n3.0"));
  EXPECT_FALSE(parse_dkms_version("command not found"));
}

}  // namespace
}  // namespace vgpukit::install
