#include "driver/extract.hpp"

#include <sys/stat.h>

#include "driver/driver_fixtures.hpp"

namespace vgpukit::driver {
namespace {

using namespace testing_driver;

class Extract : public ::testing::Test {
 protected:
  Extract() {
    fs::create_directories(place);
    write(folder / "outside/victim", "untouched");
  }

  Status unpack(const ExtractLimits& limits = {}) { return extract_archive(archive, target, limits); }

  // Expects that the archive is refused with these words and that nothing is written.
  void expect_refused(const std::vector<std::string>& words, ErrorKind kind = ErrorKind::usage,
                      const ExtractLimits& limits = {}) {
    const auto before = listing(folder.path());
    const auto status = unpack(limits);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().kind, kind);
    for (const auto& word : words)
      EXPECT_TRUE(contains(status.error().message(), word)) << word << " in: " << status.error().message();
    EXPECT_TRUE(contains(status.error().message(), archive.string())) << status.error().message();
    EXPECT_EQ(listing(folder.path()), before);
    EXPECT_EQ(read(folder / "outside/victim"), "untouched");
  }

  mode_t mode_of(const std::string& name) {
    struct stat info {};
    EXPECT_EQ(::lstat((target / name).c_str(), &info), 0) << name;
    return info.st_mode & 07777;
  }

  TempFolder folder;
  fs::path archive = folder / "package.tar";
  fs::path place = folder / "place";
  fs::path target = place / "tree";
};

TEST_F(Extract, GivesFilesFoldersAndLinks) {
  ArchiveWriter(archive)
      .folder("kernel/")
      .file("kernel/nvidia/nv.c", "int nv;")
      .folder("kernel/empty/")
      .symlink("kernel/nvidia/link.c", "nv.c")
      .symlink("kernel/nvidia/up.c", "../../top.c")
      .hardlink("kernel/nvidia/hard.c", "kernel/nvidia/nv.c")
      .file("./top.c", "top");
  const auto status = unpack();
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(read(target / "kernel/nvidia/nv.c"), "int nv;");
  EXPECT_TRUE(fs::is_directory(target / "kernel/empty"));
  EXPECT_EQ(fs::read_symlink(target / "kernel/nvidia/link.c"), "nv.c");
  EXPECT_EQ(read(target / "kernel/nvidia/up.c"), "top");
  EXPECT_EQ(read(target / "kernel/nvidia/hard.c"), "int nv;");
  EXPECT_EQ(listing(place),
            (std::vector<std::string>{"tree", "tree/kernel", "tree/kernel/empty", "tree/kernel/nvidia",
                                      "tree/kernel/nvidia/hard.c", "tree/kernel/nvidia/link.c",
                                      "tree/kernel/nvidia/nv.c", "tree/kernel/nvidia/up.c", "tree/top.c"}));
}

TEST_F(Extract, KeepsExecutableBitsAndTimesButNoSetIdNoOwnerNoWritingByOthers) {
  ArchiveWriter(archive)
      .file("run", "x", 06777)
      .file("plain", "x", 0666)
      .file("readonly", "x", 0444)
      .folder("shared/", 07777);
  const auto status = unpack();
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(mode_of("run"), 0755u);
  EXPECT_EQ(mode_of("plain"), 0644u);
  EXPECT_EQ(mode_of("readonly"), 0644u);
  EXPECT_EQ(mode_of("shared"), 0755u);
  struct stat info {};
  ASSERT_EQ(::stat((target / "run").c_str(), &info), 0);
  EXPECT_EQ(info.st_mtime, 1'000'000'000);
  EXPECT_EQ(info.st_uid, ::geteuid());
}

class Compressed : public Extract, public ::testing::WithParamInterface<const char*> {};

TEST_P(Compressed, IsRead) {
  ArchiveWriter(archive, GetParam()).file("nv.c", std::string(300'000, 'n'));
  const auto status = unpack();
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(read(target / "nv.c"), std::string(300'000, 'n'));
}

TEST_P(Compressed, CutAnywhereIsRefused) {
  std::string noise;
  unsigned state = 1;
  for (int i = 0; i < 40'000; ++i) noise += static_cast<char>((state = state * 1'103'515'245 + 12'345) >> 16);
  ArchiveWriter(archive, GetParam()).file("a.c", noise).file("b.c", noise);
  const auto whole = read(archive);
  for (const std::size_t size : {whole.size() / 4, whole.size() / 2, whole.size() - whole.size() / 8}) {
    write(archive, whole.substr(0, size));
    expect_refused({"fetch the file again"});
  }
}

INSTANTIATE_TEST_SUITE_P(Filters, Compressed, ::testing::Values("none", "gzip", "bzip2", "xz", "zstd"));

class Format : public Extract, public ::testing::WithParamInterface<const char*> {};

TEST_P(Format, IsRead) {
  ArchiveWriter(archive, "none", GetParam()).file("kernel/nv.c", "int nv;");
  const auto status = unpack();
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(read(target / "kernel/nv.c"), "int nv;");
}

INSTANTIATE_TEST_SUITE_P(Formats, Format, ::testing::Values("pax", "ustar", "newc", "zip", "7zip"));

// ---- entries outside of the target ----

TEST_F(Extract, RefusesDotDot) {
  ArchiveWriter(archive).file("good", "x").file("../outside/victim", "evil");
  expect_refused({"\"../outside/victim\"", ".."});
}

TEST_F(Extract, RefusesDotDotInTheMiddle) {
  ArchiveWriter(archive).file("a/../../../outside/victim", "evil");
  expect_refused({"\"a/../../../outside/victim\"", ".."});
}

TEST_F(Extract, RefusesAnAbsolutePath) {
  const std::string victim = (folder / "outside/victim").string();
  ArchiveWriter(archive).file(victim, "evil");
  expect_refused({"\"" + victim + "\"", "absolute"});
}

TEST_F(Extract, RefusesDotDotInZipToo) {
  ArchiveWriter(archive, "none", "zip").file("../outside/victim", "evil");
  expect_refused({"\"../outside/victim\"", ".."});
}

TEST_F(Extract, RefusesAnEntryBelowASymbolicLink) {
  ArchiveWriter(archive).folder("real/").symlink("way", "real").file("way/x", "evil");
  expect_refused({"\"way/x\"", "below \"way\""});
}

class LeavingLink : public Extract, public ::testing::WithParamInterface<const char*> {};

TEST_P(LeavingLink, IsRefused) {
  ArchiveWriter(archive).folder("a/").folder("a/c/").symlink("a/up", "..").symlink("a/c/link", GetParam());
  expect_refused({"\"a/c/link\"", std::string("\"") + GetParam() + "\"", "leaves the target"});
}

// The last one seems to be in a/, but a/up is a link to the target itself, and its .. is outside.
INSTANTIATE_TEST_SUITE_P(Targets, LeavingLink,
                         ::testing::Values("/etc/passwd", "../../../outside", "..//../../outside", "./../../..",
                                           "../up/.."));

TEST_F(Extract, RefusesAHardLinkToOutside) {
  ArchiveWriter(archive).hardlink("x", "../outside/victim");
  expect_refused({"\"x\"", "hard link", "leaves the target"});
}

TEST_F(Extract, RefusesAHardLinkToASymbolicLinkAndToNothing) {
  ArchiveWriter(archive).file("f", "x").symlink("s", "f").hardlink("x", "s");
  expect_refused({"\"x\"", "hard link to \"s\""});
  ArchiveWriter(archive).hardlink("x", "missing");
  expect_refused({"\"x\"", "hard link to \"missing\""});
}

TEST_F(Extract, ReplacesALinkInsteadOfWritingThroughIt) {
  ArchiveWriter(archive).file("b", "first").symlink("a", "b").file("a", "second");
  const auto status = unpack();
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(read(target / "b"), "first");
  EXPECT_EQ(read(target / "a"), "second");
  EXPECT_FALSE(fs::is_symlink(target / "a"));
}

TEST_F(Extract, AFolderDoesNotBecomeALink) {
  ArchiveWriter(archive).file("a/x", "x").symlink("a", "b");
  expect_refused({"\"a\"", "also a folder"});
}

class Special : public Extract, public ::testing::WithParamInterface<std::pair<mode_t, const char*>> {};

TEST_P(Special, IsRefused) {
  ArchiveWriter(archive, "none", "newc").special("node", GetParam().first);
  expect_refused({"\"node\"", GetParam().second});
}

INSTANTIATE_TEST_SUITE_P(Kinds, Special,
                         ::testing::Values(std::pair<mode_t, const char*>{AE_IFIFO, "pipe"},
                                           std::pair<mode_t, const char*>{AE_IFCHR, "device"},
                                           std::pair<mode_t, const char*>{AE_IFBLK, "device"},
                                           std::pair<mode_t, const char*>{AE_IFSOCK, "socket"}));

TEST_F(Extract, ANameCannotWriteToTheTerminal) {
  ArchiveWriter(archive).file("../\x1b[2Jgone\n", "x");
  expect_refused({"\\x1b[2Jgone\\x0a"});
}

// ---- damage ----

TEST_F(Extract, ATarCutBetweenTwoEntriesIsRefused) {
  ArchiveWriter(archive).file("a", std::string(512, 'a')).file("b", std::string(512, 'b'));
  write(archive, read(archive).substr(0, 1024));  // all of a, nothing of b
  expect_refused({"cut off", "end mark"});
}

TEST_F(Extract, TheMessageNamesTheFileInWhichItEnds) {
  ArchiveWriter(archive).file("kernel/nvidia/nv.c", std::string(5000, 'a'));
  write(archive, read(archive).substr(0, 2000));
  expect_refused({"\"kernel/nvidia/nv.c\""});
}

// The checksum is at the end of an xz file, far after the last entry if tar has filled its last block.
TEST_F(Extract, AnXzWithAWrongSumIsRefused) {
  ArchiveWriter(archive).file("a", "text");
  const auto tar = read(archive) + std::string(1'000'000, '\0');
  ArchiveWriter(archive, "xz", "raw").file("whole", tar);
  EXPECT_TRUE(unpack());
  fs::remove_all(target);
  auto bytes = read(archive);
  for (const std::size_t from_end : {40u, 1u}) {
    auto wrong = bytes;
    wrong[bytes.size() - from_end] = static_cast<char>(wrong[bytes.size() - from_end] ^ 1);
    write(archive, wrong);
    expect_refused({"damaged"});
  }
  write(archive, bytes.substr(0, bytes.size() - 8));
  expect_refused({"damaged"});
}

TEST_F(Extract, WhatIsNoArchiveIsRefused) {
  write(archive, "");
  expect_refused({"empty"});
  write(archive, "hello, this is a text\n");
  expect_refused({"not an archive"});
  write(archive, std::string("\x7f"
                             "ELF") +
                     std::string(5000, '\x5a'));
  expect_refused({"not an archive"});
  write(archive, std::string(10240, '\0'));
  expect_refused({"no entries"});
}

TEST_F(Extract, WhatIsNoFileIsRefused) {
  fs::create_directory(archive);
  expect_refused({"not a regular file"});
  fs::remove(archive);
  expect_refused({"No such file"});
  ASSERT_EQ(::mkfifo(archive.c_str(), 0600), 0);
  expect_refused({"not a regular file"});
}

// libarchive's mtree format reads the bytes of an entry from any file that the archive names.
TEST_F(Extract, DoesNotReadFilesThatAnArchiveNames) {
  write(archive, "#mtree\n./passwd type=file contents=" + (folder / "outside/victim").string() + "\n");
  expect_refused({"not an archive"});
}

// ---- limits ----

TEST_F(Extract, TooManyBytesAreRefused) {
  ArchiveWriter(archive, "xz").file("zeros", std::string(3'000'000, '\0'));
  expect_refused({"\"zeros\"", "limit", "2 MB"}, ErrorKind::usage, {.bytes = 2'000'000});
  ArchiveWriter(archive, "xz").file("one", std::string(1'500'000, '\0')).file("two", std::string(1'500'000, '\0'));
  expect_refused({"\"two\"", "limit"}, ErrorKind::usage, {.bytes = 2'000'000});
}

TEST_F(Extract, AsManyBytesAsAllowedAreFine) {
  ArchiveWriter(archive).file("one", std::string(1000, 'x')).file("two", std::string(1000, 'x'));
  EXPECT_TRUE(unpack({.bytes = 2000}));
}

TEST_F(Extract, TooManyEntriesAreRefused) {
  {
    ArchiveWriter writer(archive);
    for (int i = 0; i < 5; ++i) writer.folder("d" + std::to_string(i) + "/");
  }
  expect_refused({"\"d4/\"", "limit of 4 entries"}, ErrorKind::usage, {.entries = 4});
  EXPECT_TRUE(unpack({.entries = 5}));
}

// A limit on the size of files fails a write as a full disk does.
TEST_F(Extract, AFullDiskLeavesNothing) {
  ArchiveWriter(archive, "xz").file("small", "x").file("big", std::string(500'000, 'x'));
  {
    const SmallDisk disk;
    expect_refused({"writing \"big\" in " + place.string() + " failed", "free some space"}, ErrorKind::no_space);
  }
  EXPECT_TRUE(unpack());
}

TEST_F(Extract, ATargetThatIsThereStays) {
  ArchiveWriter(archive).file("a", "new");
  write(target / "mine", "old");
  expect_refused({"there already, and not empty"});
}

TEST_F(Extract, APathHasALimit) {
  std::string deep;
  for (int i = 0; i < 30'000; ++i) deep += "d/";
  ArchiveWriter(archive).file(deep + "f", "x");
  expect_refused({"folders deep; the limit is 64"});
}

}  // namespace
}  // namespace vgpukit::driver
