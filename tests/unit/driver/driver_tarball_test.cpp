#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "driver/driver_fixtures.hpp"

namespace vgpukit::driver {
namespace {

using namespace testing_driver;

using Names = std::vector<std::string>;

class Tarball : public OpensDrivers {
 protected:
  fs::path unpacked = machine.folder / "cache/drivers-unpacked";
  fs::path tarball = make_tarball(machine.folder / "nvidia-kernel.tar.xz", vgpu_package());

  // The trees in the cache, without their locks.
  Names trees() {
    Names names;
    if (!fs::exists(unpacked)) return names;
    for (const auto& entry : fs::directory_iterator(unpacked))
      if (entry.is_directory()) names.push_back(entry.path().filename().string());
    return names;
  }
};

TEST_F(Tarball, IsUnpackedOnceAndFoundAgain) {
  const auto first = open(tarball);
  EXPECT_EQ(first.version.text, "535.247.02");
  EXPECT_EQ(first.flavour, Flavour::vgpu_kvm);
  EXPECT_EQ(first.path, tarball);
  EXPECT_EQ(first.scratch, nullptr);
  EXPECT_EQ(read(first.sources / "nvidia/nv.c"), "int nv;\n");
  ASSERT_EQ(trees().size(), 1u);
  const auto mark = first.sources / "nvidia/.seen";  // not a source, so the hash of the tree is the same
  write(mark, "");

  const auto copy = machine.folder / "copy.tar.xz";
  fs::copy_file(tarball, copy);
  const auto second = open(copy);
  EXPECT_EQ(second.sources, first.sources);
  EXPECT_EQ(second.content, first.content);
  EXPECT_EQ(second.path, copy);
  EXPECT_TRUE(fs::exists(mark));
  EXPECT_EQ(trees().size(), 1u);
}

TEST_F(Tarball, AnotherOneIsUnpackedAside) {
  open(tarball);
  make_tarball(tarball, vgpu_package("535.261.02"));
  EXPECT_EQ(open(tarball).version.text, "535.261.02");
  EXPECT_EQ(trees().size(), 2u);
}

TEST_F(Tarball, AFileThatIsAsItWasIsNotReadAgainAndAnotherOneUnderItsNameIs) {
  const auto stats = [&] {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(unpacked)) count += entry.path().extension() == ".stat" ? 1 : 0;
    return count;
  };
  open(tarball);
  EXPECT_EQ(stats(), 0u) << "a file that has just changed may change again with the same times";
  std::this_thread::sleep_for(std::chrono::milliseconds(3100));
  open(tarball);
  ASSERT_EQ(stats(), 1u);
  EXPECT_EQ(open(tarball).version.text, "535.247.02");

  // The same name, inode and mtime
  const auto when = fs::last_write_time(tarball);
  const auto other = make_tarball(machine.folder / "other.tar.xz", vgpu_package("535.261.02"));
  std::ofstream(tarball, std::ios::binary | std::ios::trunc) << std::ifstream(other, std::ios::binary).rdbuf();
  fs::last_write_time(tarball, when);
  EXPECT_EQ(open(tarball).version.text, "535.261.02");
}

TEST_F(Tarball, AnEditedTreeInTheCacheIsUnpackedAnew) {
  const auto first = open(tarball);
  write(first.sources / "nvidia/nv.c", "edited");
  const auto second = open(tarball);
  EXPECT_EQ(read(second.sources / "nvidia/nv.c"), "int nv;\n");
  EXPECT_EQ(second.content, first.content);
  EXPECT_EQ(trees().size(), 1u);
}

TEST_F(Tarball, BothKindsOfModulesAreFoundAgain) {
  Files files;
  for (const auto& [name, text] : general_package("550.163.01")) files["kernel/" + name] = text;
  for (const auto& [name, text] : open_package("550.163.01")) files["kernel-open/" + name] = text;
  make_tarball(tarball, files, "");
  const auto closed = open(tarball);
  write(closed.sources / ".seen", "");
  EXPECT_EQ(open(tarball, true).flavour, Flavour::open);
  EXPECT_EQ(open(tarball).flavour, Flavour::general);
  EXPECT_TRUE(fs::exists(closed.sources / ".seen"));
}

TEST_F(Tarball, ManyAtOnceUnpackItOnce) {
  std::vector<std::string> contents(6);
  std::vector<std::thread> threads;
  for (auto& content : contents)
    threads.emplace_back([&] {
      const auto driver = open_driver(machine.host, tarball);
      content = driver ? driver->content : driver.error().message();
    });
  for (auto& thread : threads) thread.join();
  const auto expected = open(tarball).content;
  for (const auto& content : contents) EXPECT_EQ(content, expected);
  EXPECT_EQ(trees().size(), 1u);
}

// A file with the name of the cache folder: also root cannot write there.
TEST_F(Tarball, WithoutACacheItLivesAsLongAsTheDriver) {
  write(machine.folder / "file", "");
  machine.host.cache = machine.folder / "file/cache";
  fs::path sources;
  {
    const auto driver = open(tarball);
    sources = driver.sources;
    const auto copy = driver;  // NOLINT: the last copy owns the folder
    EXPECT_NE(driver.scratch, nullptr);
    EXPECT_TRUE(fs::exists(sources / "nvidia/nv.c"));
  }
  ASSERT_FALSE(sources.empty());
  EXPECT_FALSE(fs::exists(sources));
}

TEST_F(Tarball, AReadOnlyCacheIsEnough) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write to every folder";
  fs::create_directories(machine.host.cache);
  fs::permissions(machine.host.cache, fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_NE(open(tarball).scratch, nullptr);
  fs::permissions(machine.host.cache, fs::perms::owner_all);
}

TEST_F(Tarball, ATruncatedOneLeavesNothing) {
  const auto bytes = read(tarball);
  write(tarball, bytes.substr(0, bytes.size() / 2));
  expect_refused(tarball, {tarball.string(), "fetch the file again"});
  EXPECT_EQ(trees(), Names{});
}

TEST_F(Tarball, OneWithoutADriverLeavesNothing) {
  make_tarball(tarball, {{"README", "hello"}});
  expect_refused(tarball, {tarball.string(), "no folder with conftest.sh and Kbuild", "modules"});
  EXPECT_EQ(trees(), Names{});
}

}  // namespace
}  // namespace vgpukit::driver
