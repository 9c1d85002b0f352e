#include "support/atomic_file.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "support/small_disk.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit {
namespace {

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(AtomicFile, WritesMakesFoldersAndSetsTheMode) {
  const test::TempFolder folder;
  ASSERT_TRUE(write_file(folder / "a/b/c", "text", 0600));
  EXPECT_EQ(read_file(folder / "a/b/c").value(), "text");
  struct stat info {};
  ASSERT_EQ(::stat((folder / "a/b/c").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_EQ(entries(folder / "a/b"), 1U) << "a temporary file is left";
}

TEST(AtomicFile, KeepsBytesThatAreNoText) {
  const test::TempFolder folder;
  const std::string bytes("a\0b\xff\n", 5);
  ASSERT_TRUE(write_file(folder / "f", bytes));
  EXPECT_EQ(read_file(folder / "f").value(), bytes);
  ASSERT_TRUE(write_file(folder / "f", ""));
  EXPECT_EQ(read_file(folder / "f").value(), "");
}

TEST(AtomicFile, ReplacesTheFileInsteadOfWritingIntoIt) {
  const test::TempFolder folder;
  ASSERT_TRUE(write_file(folder / "f", "old"));
  fs::create_hard_link(folder / "f", folder / "other");
  ASSERT_TRUE(write_file(folder / "f", "new"));
  EXPECT_EQ(read_file(folder / "other").value(), "old");
}

TEST(AtomicFile, AFailureLeavesWhatWasThere) {
  const test::TempFolder folder;
  fs::create_directories(folder / "target/child");  // a folder that is not empty cannot be replaced by a file
  const auto status = write_file(folder / "target", "text");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::missing);
  EXPECT_TRUE(fs::exists(folder / "target/child"));
  EXPECT_EQ(entries(folder.path()), 1U) << "a temporary file is left";
}

TEST(AtomicFile, APlaceThatIsNoFolderIsNamed) {
  const test::TempFolder folder;
  ASSERT_TRUE(write_file(folder / "file", ""));
  const auto status = write_file(folder / "file/below", "text");
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("file/below: Not a directory"), std::string::npos)
      << status.error().message();
}

TEST(AtomicFile, AWriteThatStopsHalfwayLeavesTheOldFile) {
  const test::TempFolder folder;
  ASSERT_TRUE(write_file(folder / "f", "old"));
  const auto status = [&] {
    const test::SmallDisk disk(1000);
    return write_file(folder / "f", std::string(100'000, 'x'));
  }();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::missing);
  EXPECT_EQ(read_file(folder / "f").value(), "old");
  EXPECT_EQ(entries(folder.path()), 1U) << "a temporary file is left";
}

TEST(AtomicFile, ReadsWhatSaysThatItIsEmpty) {
  EXPECT_NE(read_file("/proc/self/status").value().find("VmPeak"), std::string::npos);
}

TEST(AtomicFile, ReadingNamesTheFileAndTheReason) {
  const test::TempFolder folder;
  const auto text = read_file(folder / "absent");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind, ErrorKind::usage);
  EXPECT_NE(text.error().message().find("absent: No such file"), std::string::npos);
  EXPECT_FALSE(read_file(folder.path()));
}

TEST(StagedFolder, AppearsOnlyWithCommit) {
  const test::TempFolder folder;
  {
    auto staged = StagedFolder::beside(folder / "out").value();
    ASSERT_TRUE(write_file(staged.path() / "f", "text"));
    EXPECT_EQ(staged.path().parent_path(), folder.path());
  }
  EXPECT_EQ(entries(folder.path()), 0U) << "not committed, so nothing may be left";
  {
    auto staged = StagedFolder::beside(folder / "out/").value();
    ASSERT_TRUE(write_file(staged.path() / "f", "text"));
    ASSERT_TRUE(staged.commit());
  }
  EXPECT_EQ(read_file(folder / "out/f").value(), "text");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(StagedFolder, MessagesNameTheFolderThatIsHeldOpen) {
  const test::TempFolder temp;
  auto staged = StagedFolder::beside(temp / "out").value();
  fs::create_directories(staged.path() / "in-the-way");
  for (const auto& failed : {write_file(staged.held_path() / "in-the-way", "text"),
                             clone_file("/proc/self/exe", staged.held_path() / "in-the-way")}) {
    ASSERT_FALSE(failed);
    const auto& tried = failed.error().tried;
    EXPECT_TRUE(tried.ends_with(" " + (staged.path() / "in-the-way").string())) << tried;
  }
}

TEST(StagedFolder, ReplacesAWholeFolder) {
  const test::TempFolder folder;
  fs::create_directories(folder / "out/stale");
  auto staged = StagedFolder::beside(folder / "out").value();
  ASSERT_TRUE(write_file(staged.path() / "f", "new"));
  {
    auto moved = std::move(staged);  // the one that was moved from must not remove anything
    ASSERT_TRUE(moved.commit(false));
  }
  EXPECT_TRUE(fs::exists(folder / "out/f"));
  EXPECT_FALSE(fs::exists(folder / "out/stale"));
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(FileLock, TheSecondOneWaitsAndSaysSo) {
  const test::TempFolder folder;
  int waits = 0;
  auto first = FileLock::acquire(folder / "sub/lock", [&] { ++waits; });
  ASSERT_TRUE(first);
  EXPECT_EQ(waits, 0);
  std::thread release;
  auto second = FileLock::acquire(folder / "sub/lock", [&] {
    ++waits;
    release = std::thread([held = std::move(*first)]() mutable { const FileLock ends_here = std::move(held); });
  });
  release.join();
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->held());
  EXPECT_EQ(waits, 1);
}

TEST(FileLock, APlaceThatCannotBeWrittenIsAnError) {
  const test::TempFolder folder;
  ASSERT_TRUE(write_file(folder / "file", ""));
  const auto lock = FileLock::acquire(folder / "file/lock", [] {});
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().kind, ErrorKind::missing);
}

}  // namespace
}  // namespace vgpukit
