#include "install/hook_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/atomic_file.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::install {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class HookFiles : public testing::Test {
 protected:
  void SetUp() override { host_.root = folder_.path(); }
  void put(const fs::path& path, const std::string& text = "x") { ASSERT_TRUE(write_file(host_.in_root(path), text)); }
  test::TempFolder folder_;
  HostPaths host_;
};

TEST_F(HookFiles, HooksGoWhereThePackageManagersAre) {
  EXPECT_THAT(*hook_places(host_, "/usr/bin/vgpukit"), IsEmpty());
  put("/etc/pacman.conf");
  EXPECT_THAT(*install_hooks(host_, "/usr/bin/vgpukit"), ElementsAre("/etc/pacman.d/hooks/80-vgpukit.hook"));
  const auto text = read_file(host_.in_root("/etc/pacman.d/hooks/80-vgpukit.hook"));
  EXPECT_THAT(*text, HasSubstr("Exec = /usr/bin/vgpukit hook run --from pacman\nNeedsTargets"));
  EXPECT_THAT(*install_hooks(host_, "/usr/bin/vgpukit"), IsEmpty());
  EXPECT_THAT(*install_hooks(host_, "/opt/vgpukit"), ElementsAre("/etc/pacman.d/hooks/80-vgpukit.hook"));
  EXPECT_THAT(*remove_hooks(host_), ElementsAre("/etc/pacman.d/hooks/80-vgpukit.hook"));
  EXPECT_FALSE(fs::exists(host_.in_root("/etc/pacman.d/hooks/80-vgpukit.hook")));
}

TEST_F(HookFiles, AHookOfAPackageIsNotWrittenAgain) {
  put("/etc/pacman.conf");
  put("/usr/share/libalpm/hooks/80-vgpukit.hook");
  EXPECT_THAT(*install_hooks(host_, "/usr/bin/vgpukit"), IsEmpty());
}

// How a user turns a hook off. The link's target is neither written nor removed.
TEST_F(HookFiles, ALinkOfThatNameStays) {
  put("/etc/pacman.conf");
  fs::create_directories(host_.in_root("/etc/pacman.d/hooks"));
  fs::create_symlink("/dev/null", folder_ / "etc/pacman.d/hooks/80-vgpukit.hook");
  const auto refused = install_hooks(host_, "/usr/bin/vgpukit");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("vgpukit has not written it"));
  EXPECT_FALSE(fs::exists(folder_ / "dev/null"));
  EXPECT_TRUE(fs::is_symlink(folder_ / "etc/pacman.d/hooks/80-vgpukit.hook"));
}

TEST_F(HookFiles, AnotherFileOfThatNameStays) {
  put("/var/lib/dpkg/status", "");
  put("/etc/kernel/postinst.d/00-vgpukit", "#!/bin/sh\n");
  EXPECT_FALSE(install_hooks(host_, "/usr/bin/vgpukit"));
  EXPECT_THAT(*remove_hooks(host_), IsEmpty());
  EXPECT_TRUE(fs::exists(host_.in_root("/etc/kernel/postinst.d/00-vgpukit")));
}

}  // namespace
}  // namespace vgpukit::install
