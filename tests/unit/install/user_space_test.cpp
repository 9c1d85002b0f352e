#include "install/user_space.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/atomic_file.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::install {
namespace {

using testing::ElementsAre;
using testing::Not;

TEST(InstallerLog, ListsWhatWasNotThereBefore) {
  EXPECT_THAT(files_of_installer_log("535.1\nNVIDIA\n"
                                     "1: /usr/bin/nvidia-smi\n123456\n"
                                     "0: /usr/lib/libcuda.so\nlibcuda.so.1\n"
                                     "100: /usr/lib/old.so\n1 0755 0 0\n"
                                     "2: /usr/lib/link\ntarget\n0777 0 0\n"
                                     "1: /usr/../etc/passwd\n1\n1: relative\n1: /"),
              ElementsAre("/usr/bin/nvidia-smi", "/usr/lib/libcuda.so"));
}

TEST(InstallerLog, ListsWhatWasMovedAway) {
  const auto backups = backups_of_installer_log(
      "535.1\nNVIDIA\n1: /usr/bin/nvidia-smi\n123456\n"
      "100: /usr/lib/old.so\n4294967295 100755 0 1000\n2: /usr/lib/link\ntarget\n0777 0 0\n"
      "101: /usr/../etc/passwd\n1 0644 0 0\n102: /cut/off\nnothing\n103: /at/the/end");
  ASSERT_EQ(backups.size(), 2U);
  EXPECT_EQ(backups[0].path, "/usr/lib/old.so");
  EXPECT_EQ(backups[0].number, 100);
  EXPECT_EQ(backups[0].mode & 07777U, 0755U);
  EXPECT_EQ(backups[0].gid, 1000U);
  EXPECT_EQ(backups[1].path, "/usr/lib/link");
  EXPECT_EQ(backups[1].target, "target");
}

class UserSpaceTest : public testing::Test {
 protected:
  void SetUp() override {
    host_.root = folder_.path() / "root";
    put("/usr/lib/theirs.so", "the distribution's");
  }
  void put(const fs::path& path, const std::string& text) { ASSERT_TRUE(write_file(host_.in_root(path), text)); }
  std::string get(const fs::path& path) const {
    const auto text = read_file(host_.in_root(path));
    return text ? *text : "nothing";
  }
  Snapshot snapshot_of(const std::vector<std::string>& paths) const {
    return std::move(*Snapshot::keep(host_, paths, folder_.path() / "snapshot"));
  }
  test::TempFolder folder_;
  HostPaths host_;
};

TEST_F(UserSpaceTest, NewFilesAreRemovedAndMovedFilesAreRestored) {
  const auto snapshot = snapshot_of({"/var/lib/nvidia"});
  fs::create_directories(host_.in_root("/var/lib/nvidia"));
  fs::rename(host_.in_root("/usr/lib/theirs.so"), host_.in_root("/var/lib/nvidia/100"));
  put("/usr/lib/theirs.so", "NVIDIA's");
  put("/usr/bin/nvidia-smi", "x");
  put("/var/lib/nvidia/log", "535.1\nNVIDIA\n100: /usr/lib/theirs.so\n1 100640 " + std::to_string(::getuid()) + " " +
                                 std::to_string(::getgid()) +
                                 "\n1: /usr/lib/theirs.so\n1\n1: /usr/bin/nvidia-smi\n1\n");
  EXPECT_TRUE(*remove_new_user_space(host_, snapshot, /*cut_short=*/false));
  ASSERT_TRUE(snapshot.restore());
  EXPECT_EQ(get("/usr/lib/theirs.so"), "the distribution's");
  EXPECT_EQ(get("/usr/bin/nvidia-smi"), "nothing");
  EXPECT_EQ(get("/var/lib/nvidia/log"), "nothing");
  EXPECT_EQ(fs::status(host_.in_root("/usr/lib/theirs.so")).permissions(), static_cast<fs::perms>(0640));
}

TEST_F(UserSpaceTest, ALinkOfTheInstallerIsReplacedAndNotFollowed) {
  const auto snapshot = snapshot_of({"/var/lib/nvidia"});
  fs::create_directories(host_.in_root("/var/lib/nvidia"));
  fs::rename(host_.in_root("/usr/lib/theirs.so"), host_.in_root("/var/lib/nvidia/100"));
  put("/usr/lib/other.so", "not theirs");
  fs::create_symlink("/usr/lib/other.so", host_.root / "usr/lib/theirs.so");
  put("/var/lib/nvidia/log", "535.1\nNVIDIA\n100: /usr/lib/theirs.so\n1 100640 " + std::to_string(::getuid()) + " " +
                                 std::to_string(::getgid()) + "\n1: /usr/lib/theirs.so\n1\n");
  EXPECT_TRUE(*remove_new_user_space(host_, snapshot, /*cut_short=*/false));
  ASSERT_TRUE(snapshot.restore());
  EXPECT_EQ(get("/usr/lib/theirs.so"), "the distribution's");
  EXPECT_EQ(get("/usr/lib/other.so"), "not theirs");
  EXPECT_FALSE(fs::is_symlink(host_.root / "usr/lib/theirs.so"));
}

TEST_F(UserSpaceTest, TheSameUserSpaceStays) {
  put("/var/lib/nvidia/log", "535.1\nNVIDIA\n1: /usr/lib/theirs.so\n1\n");
  const auto snapshot = snapshot_of({"/var/lib/nvidia"});
  EXPECT_FALSE(*remove_new_user_space(host_, snapshot, /*cut_short=*/false));
  EXPECT_EQ(get("/usr/lib/theirs.so"), "the distribution's");
}

TEST_F(UserSpaceTest, AServiceThatNothingStartsIsReported) {
  put("/usr/lib/systemd/system/nvidia-vgpud.service", "[Install]\nWantedBy=multi-user.target\n");
  put("/var/lib/nvidia/log",
      "535.1\nNVIDIA\n1: /usr/lib/systemd/system/nvidia-vgpud.service\n1\n1: "
      "/usr/lib/systemd/system/nvidia-suspend.service\n1\n");
  driver::Driver driver;
  driver.flavour = driver::Flavour::vgpu_kvm;
  auto all = testing::PrintToString(service_warnings(host_, driver));
  EXPECT_THAT(all, testing::HasSubstr("systemctl enable nvidia-vgpud.service"));
  EXPECT_THAT(all, testing::HasSubstr("nvidia-suspend.service is in the log of nvidia-installer, but it is absent"));
  EXPECT_THAT(all, testing::HasSubstr("did not install nvidia-vgpu-mgr.service"));
  // An absolute link leads to the file of the root, not of this machine.
  put("/opt/units/nvidia-suspend.service", "[Service]\n");
  fs::create_symlink("/opt/units/nvidia-suspend.service",
                     host_.in_root("/usr/lib/systemd/system/nvidia-suspend.service"));
  EXPECT_THAT(testing::PrintToString(service_warnings(host_, driver)), Not(testing::HasSubstr("nvidia-suspend")));
  fs::create_directories(host_.in_root("/etc/systemd/system/multi-user.target.wants"));
  fs::create_symlink("/x", host_.in_root("/etc/systemd/system/multi-user.target.wants/nvidia-vgpud.service"));
  driver.flavour = driver::Flavour::general;
  all = testing::PrintToString(service_warnings(host_, driver));
  EXPECT_THAT(all, Not(testing::HasSubstr("nvidia-vgpud")));
  EXPECT_THAT(all, Not(testing::HasSubstr("nvidia-vgpu-mgr")));
}

}  // namespace
}  // namespace vgpukit::install
