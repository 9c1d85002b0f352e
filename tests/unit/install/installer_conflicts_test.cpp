#include "install/installer_conflicts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "support/small_file_system.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::install {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class InstallerConflicts : public testing::Test {
 protected:
  void SetUp() override {
    host.root = folder.path();
    fs::create_directories(folder / "tmp");
    fs::create_directories(folder / "var/tmp");
  }
  void put(const std::string& path, const std::string& text = "") const {
    fs::create_directories((folder / path).parent_path());
    std::ofstream(folder / path) << text;
  }
  void link(const std::string& path, const std::string& target) const {
    fs::create_directories((folder / path).parent_path());
    fs::create_symlink(target, folder / path);
  }
  [[nodiscard]] std::string found(bool ignores_modules = false) const {
    std::vector<Conflict> conflicts;
    ConflictRequest request;
    request.user_space = true;
    request.installer_ignores_modules = ignores_modules;
    add_installer_conflicts(conflicts, host, request);
    std::string text;
    for (const auto& each : conflicts) text += (each.blocks ? "! " : "? ") + each.what + " -> " + each.next + "\n";
    return text;
  }
  test::TempFolder folder;
  HostPaths host;
};

TEST_F(InstallerConflicts, NoneInAnEmptyRoot) {
  EXPECT_EQ(found(), "");
}

TEST_F(InstallerConflicts, AModuleThatIsLoadedAndHeld) {
  put("sys/module/nvidia/refcnt", "3\n");
  put("sys/module/nvidia_drm/refcnt", "0\n");
  put("sys/module/nvidia/holders/gdrdrv");
  put("proc/7/comm", "Xorg\n");
  link("proc/7/fd/3", "/dev/nvidiactl");
  put("proc/8/comm", "nvidia-persiste\n");
  link("proc/8/fd/3", "/dev/nvidia0");
  put("proc/8/cgroup", "0::/system.slice/nvidia-persistenced.service\n");
  EXPECT_THAT(found(), AllOf(HasSubstr("! the module gdrdrv uses nvidia, which is loaded -> modprobe -r gdrdrv"),
                             HasSubstr("! the display server Xorg (pid 7) has /dev/nvidiactl open"),
                             HasSubstr("systemctl isolate multi-user.target"),
                             HasSubstr("-> systemctl stop nvidia-persistenced.service")));
  EXPECT_EQ(found(true), "") << "the installers from 545 on install beside it";
}

TEST_F(InstallerConflicts, TheConsoleUsesNvidiaDrm) {
  put("sys/module/nvidia_drm/refcnt", "1\n");
  EXPECT_THAT(found(),
              HasSubstr("! the module nvidia_drm is loaded and in use (1 users), but no program has it open -> "
                        "the kernel's console is on it"));
  put("sys/module/nvidia_drm/refcnt", "0\n");
  EXPECT_EQ(found(), "") << "the installer unloads it";
}

TEST_F(InstallerConflicts, ThePreInstallScriptOfTheDistribution) {
  put("usr/lib/nvidia/pre-install", "#!/bin/sh\nexit 1\n");
  EXPECT_THAT(found(), HasSubstr("! the distribution's script /usr/lib/nvidia/pre-install is there"));
  put("var/lib/dpkg/info/nvidia-installer-cleanup.list", "/.\n/usr/lib/nvidia/pre-install\n");
  EXPECT_THAT(found(), HasSubstr("(of the package nvidia-installer-cleanup)"));
}

TEST_F(InstallerConflicts, PackagesThatOwnTheUserSpace) {
  put("usr/lib/x86_64-linux-gnu/libcuda.so.1");
  put("usr/bin/nvidia-smi");
  put("var/lib/dpkg/info/libcuda1:amd64.list", "/.\n/usr/lib/x86_64-linux-gnu/libcuda.so.1\n");
  put("var/lib/pacman/local/nvidia-utils-580.1-2/files", "%FILES%\nusr/bin/nvidia-smi\n");
  put("var/lib/dpkg/info/libnvidia-container1.list", "/usr/lib/x86_64-linux-gnu/libnvidia-container.so.1\n");
  put("var/lib/dpkg/info/gone.list", "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1\n");
  EXPECT_EQ(found(),
            "! the package libcuda1 has installed /usr/lib/x86_64-linux-gnu/libcuda.so.1, which nvidia-installer would "
            "overwrite -> apt remove libcuda1; or --without-nvidia-installer, which installs only the modules of this "
            "driver\n! the package nvidia-utils has installed /usr/bin/nvidia-smi, which nvidia-installer would "
            "overwrite -> pacman -R nvidia-utils; or --without-nvidia-installer, which installs only the modules of "
            "this driver\n");
}

TEST_F(InstallerConflicts, AFolderThatIsMountedNoexec) {
  if (::geteuid() != 0 || !test::use_own_mounts()) GTEST_SKIP() << "mounting needs root";
  ASSERT_EQ(::mount("tmpfs", (folder / "tmp").c_str(), "tmpfs", MS_NOEXEC, "size=1m"), 0);
  EXPECT_EQ(installer_tmpdir(host, "/var/tmp/x").value_or(""), "/var/tmp/x");
  EXPECT_EQ(found(), "");
  ASSERT_EQ(::mount("tmpfs", (folder / "var/tmp").c_str(), "tmpfs", MS_NOEXEC, "size=1m"), 0);
  EXPECT_THAT(found(), HasSubstr("! /var/tmp is mounted noexec, and nvidia-installer is unpacked and run there"));
  ::umount((folder / "var/tmp").c_str());
  ::umount((folder / "tmp").c_str());
  EXPECT_EQ(installer_tmpdir(host, "/var/tmp/x").value_or(""), "/tmp");
}

TEST(InstallerTmpdir, TheUsersTmpdirOnThisMachine) {
  const test::TempFolder own;
  const auto* before = std::getenv("TMPDIR");
  const std::string saved = before ? before : "";
  ::setenv("TMPDIR", own.path().c_str(), 1);
  EXPECT_EQ(installer_tmpdir(HostPaths(), "/var/cache").value_or(""), own.path());
  ::setenv("TMPDIR", "/nowhere", 1);
  EXPECT_EQ(installer_tmpdir(HostPaths(), "/var/cache").value_or(""), "/tmp");
  if (before)
    ::setenv("TMPDIR", saved.c_str(), 1);
  else
    ::unsetenv("TMPDIR");
}

}  // namespace
}  // namespace vgpukit::install
