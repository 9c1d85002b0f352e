#include "support/output_folder.hpp"

#include <gmock/gmock.h>

#include "support/atomic_file.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit {
namespace {

using testing::HasSubstr;

// Everything but "ours" is foreign.
std::string foreign(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename() != "ours") return entry.path().filename();
  return "";
}

std::string refusal(const fs::path& folder, ForeignEntry entry = nullptr) {
  const auto status = check_output_folder(folder, "write it", entry);
  if (status) return "";
  EXPECT_EQ(status.error().kind, ErrorKind::usage);
  return status.error().message();
}

TEST(OutputFolder, IsNewOrEmpty) {
  const test::TempFolder temp;
  EXPECT_EQ(refusal(temp / "new"), "");
  EXPECT_EQ(refusal(temp / "new/and/deep/"), "");
  fs::create_directory(temp / "empty");
  EXPECT_EQ(refusal(temp / "empty"), "");
  EXPECT_EQ(refusal(temp / "empty/"), "");
}

TEST(OutputFolder, WithSomethingInItIsRefused) {
  const test::TempFolder temp;
  ASSERT_TRUE(write_file(temp / "out/document", "text"));
  EXPECT_THAT(refusal(temp / "out"),
              HasSubstr("cannot write it: " + (temp / "out").string() + " is there already, and not empty"));
  EXPECT_THAT(refusal(temp / "out/"), HasSubstr("name a new folder"));
  EXPECT_THAT(refusal(temp / "out", foreign), HasSubstr("has document in it, which vgpukit did not make"));
  EXPECT_THAT(refusal("/", foreign), HasSubstr("which vgpukit did not make"));
  EXPECT_THAT(refusal(temp / "out/document"), HasSubstr("is there already, and no folder"));
}

TEST(OutputFolder, WithWhatVgpukitMadeIsAccepted) {
  const test::TempFolder temp;
  ASSERT_TRUE(write_file(temp / "out/ours", ""));
  EXPECT_EQ(refusal(temp / "out", foreign), "");
  EXPECT_NE(refusal(temp / "out"), "") << "nobody knows what vgpukit makes";
}

TEST(OutputFolder, ALinkIsNotFollowed) {
  const test::TempFolder temp;
  fs::create_directory(temp / "empty");
  fs::create_directory_symlink("empty", temp / "link");
  fs::create_symlink("nowhere", temp / "dangling");
  for (const auto* name : {"link", "link/", "dangling"})
    EXPECT_THAT(refusal(temp / name, foreign), HasSubstr("is a symbolic link")) << name;
}

TEST(OutputFolder, IsCheckedAgainWhenItIsReplaced) {
  const test::TempFolder temp;
  auto staged = StagedFolder::beside(temp / "out");
  ASSERT_TRUE(staged);
  ASSERT_TRUE(write_file(staged->path() / "ours", "new"));
  ASSERT_TRUE(write_file(temp / "out/document", "text"));
  const auto check = [&] { return check_output_folder(temp / "out", "write it", foreign); };
  const auto refused = staged->commit(false, check);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("has document in it"));
  EXPECT_EQ(read_file(temp / "out/document").value(), "text");
  fs::rename(temp / "out/document", temp / "out/ours");
  ASSERT_TRUE(staged->commit(false, check));
  EXPECT_EQ(read_file(temp / "out/ours").value(), "new");
}

}  // namespace
}  // namespace vgpukit
