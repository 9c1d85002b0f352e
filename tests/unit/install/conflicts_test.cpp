#include "install/conflicts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "support/atomic_file.hpp"

namespace vgpukit::install {
namespace {

class ConflictsTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/vgpukit-conflicts-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    host_.root = name;
    fs::create_directories(host_.root / "usr/src");
  }
  void TearDown() override { fs::remove_all(host_.root); }
  void put(const fs::path& path, const std::string& text = "x") { ASSERT_TRUE(write_file(host_.in_root(path), text)); }

  std::string found(const ConflictRequest& request = {}, const std::vector<DkmsEntry>& dkms = {}) const {
    std::string text;
    for (const auto& each : find_conflicts(host_, request, dkms))
      text += (each.blocks ? "! " : "? ") + each.what + " -> " + each.next + "\n";
    return text;
  }
  HostPaths host_;
};

TEST_F(ConflictsTest, AnEmptyRootHasNone) {
  EXPECT_EQ(found(), "");
}

TEST_F(ConflictsTest, PackagesOfDpkgAndPacman) {
  put("/var/lib/dpkg/status",
      "Package: nvidia-kernel-dkms\nStatus: install ok installed\n\n"
      "Package: nvidia-dkms-535\nStatus: deinstall ok config-files\n\n"
      "Package: libnvidia-ml1\nStatus: install ok installed\n\n");
  put("/var/lib/pacman/local/nvidia-open-dkms-580.1-2/desc");
  put("/var/lib/pacman/local/nvidia-utils-580.1-2/desc");
  const auto text = found();
  EXPECT_NE(text.find("! the package nvidia-kernel-dkms is installed"), std::string::npos) << text;
  EXPECT_NE(text.find("apt remove nvidia-kernel-dkms"), std::string::npos) << text;
  EXPECT_NE(text.find("pacman -R nvidia-open-dkms"), std::string::npos) << text;
  EXPECT_EQ(text.find("535"), std::string::npos) << "only its configuration is left";
  EXPECT_EQ(text.find("utils"), std::string::npos);
  EXPECT_EQ(text.find("libnvidia"), std::string::npos);
}

TEST_F(ConflictsTest, LeftOverModules) {
  put("/lib/modules/6.1/updates/nvidia.ko.xz");
  put("/lib/modules/6.1/kernel/drivers/video/fbdev/nvidia/nvidiafb.ko");
  EXPECT_NE(found().find("updates/nvidia.ko.xz is left over"), std::string::npos) << found();
  EXPECT_EQ(found().find("nvidiafb"), std::string::npos) << "that one is the kernel's own";
  EXPECT_EQ(found({}, {{"nvidia-current", "470", "6.1", "x86_64", "installed", ""}}).find("left over"),
            std::string::npos);
}

TEST_F(ConflictsTest, ASecondModuleBesideTheOneOfDkms) {
  put("/usr/src/nvidia-535.1/vgpukit.json");
  put("/usr/src/nvidia-535.1/vgpukit-dkms");
  put("/lib/modules/6.1/updates/dkms/nvidia.ko");
  const std::vector<DkmsEntry> ours = {{"nvidia", "535.1", "6.1", "x86_64", "installed", ""}};
  EXPECT_EQ(found({}, ours), "");
  put("/lib/modules/6.1/kernel/drivers/video/nvidia.ko.xz");
  EXPECT_NE(found({}, ours).find("kernel/drivers/video/nvidia.ko.xz is there beside another module nvidia"),
            std::string::npos)
      << found({}, ours);
  put("/var/lib/vgpukit/install/installed.json",
      R"({"version": "535.1",
          "kernels": {"6.1": {"modules": [{"path": "/lib/modules/6.1/updates/dkms/nvidia.ko"}]}}})");
  EXPECT_NE(found({}, ours).find("video/nvidia.ko.xz is there"), std::string::npos) << found({}, ours);
  EXPECT_EQ(found({}, ours).find("updates/dkms/nvidia.ko is there"), std::string::npos)
      << "vgpukit has installed that one";
}

TEST_F(ConflictsTest, WhatDkmsHasOfOthers) {
  EXPECT_NE(
      found({}, {{"nvidia", "470.1", "6.1", "x86_64", "installed", ""}}).find("dkms remove -m nvidia -v 470.1 --all"),
      std::string::npos);
  put("/usr/src/nvidia-470.1/vgpukit.json");
  put("/usr/src/nvidia-470.1/vgpukit-dkms");
  EXPECT_EQ(found({}, {{"nvidia", "470.1", "6.1", "x86_64", "installed", ""}}), "") << "our own";
  EXPECT_EQ(found({}, {{"zfs", "2.2", "6.1", "x86_64", "installed", ""}}), "");
}

TEST_F(ConflictsTest, AnOrphanOfDkms) {
  fs::create_directories(host_.in_root("/var/lib/dkms/nvidia/470.1"));
  fs::create_symlink("/usr/src/nvidia-470.1", host_.in_root("/var/lib/dkms/nvidia/470.1/source"));
  EXPECT_NE(found().find("nvidia 470.1 is an orphan"), std::string::npos) << found();
  put("/usr/src/nvidia-470.1/dkms.conf");
  EXPECT_EQ(found(), "");
}

TEST_F(ConflictsTest, SettingsOfDkmsThatReplaceOurs) {
  ConflictRequest question;
  question.version = "535.1";
  for (const auto* other : {"/etc/dkms/nvidia-470.1.conf", "/etc/dkms/zfs.conf"}) put(other, "MAKE[0]=\"make\"\n");
  put("/etc/dkms/framework.conf", "# dkms_tree=\"/srv\"\ndkms_tree=\"/var/lib/dkms/\"\nverbose=\"1\"\n");
  put("/etc/dkms/nvidia.conf", "STRIP[0]=\"no\"\n# MAKE[0]=\"make\"\n");
  EXPECT_EQ(found(question), "");
  put("/etc/dkms/nvidia.conf", "  MAKE[0]=\"make CC=gcc-13\"\n");
  EXPECT_THAT(found(question),
              testing::HasSubstr("/etc/dkms/nvidia.conf sets MAKE, so dkms would compile the unpatched"));
  fs::remove(host_.in_root("/etc/dkms/nvidia.conf"));
  put("/etc/dkms/nvidia-535.1-6.1-x86_64.conf", "MAKE_MATCH[1]=\"^6\"\nMAKE[1]=\"make\"\n");
  EXPECT_THAT(found(question), testing::HasSubstr("nvidia-535.1-6.1-x86_64.conf sets MAKE_MATCH"));
  fs::remove(host_.in_root("/etc/dkms/nvidia-535.1-6.1-x86_64.conf"));
  put("/etc/dkms/framework.conf.d/mine.conf", "dkms_tree=/srv/dkms\n");
  EXPECT_THAT(found(question), testing::HasSubstr("mine.conf sets dkms_tree, and vgpukit uses /var/lib/dkms"));
}

TEST_F(ConflictsTest, ACardThatAnotherDriverHas) {
  put("/sys/bus/pci/drivers/nova_core/0000:41:00.0/vendor");
  put("/sys/bus/pci/drivers/nouveau/bind");
  EXPECT_NE(found().find("? nova_core has the card 0000:41:00.0"), std::string::npos) << found();
  EXPECT_EQ(found().find("nouveau has"), std::string::npos);
  ConflictRequest question;
  question.user_space = true;
  EXPECT_NE(found(question).find("! nova_core has"), std::string::npos) << "nvidia-installer would refuse";
}

TEST_F(ConflictsTest, AVgpuThatRuns) {
  put("/proc/812/comm", "vgpu\n");
  put("/proc/813/comm", "bash\n");
  EXPECT_NE(found().find("process 812 (vgpu)"), std::string::npos) << found();
  EXPECT_EQ(found().find("813"), std::string::npos);
}

TEST_F(ConflictsTest, NoSpace) {
  ConflictRequest question;
  question.source_bytes = 1ULL << 60U;
  EXPECT_NE(found(question).find("MB are free"), std::string::npos) << found(question);
}

TEST(Packages, WhichBringModules) {
  for (const auto* name :
       {"nvidia-kernel-dkms", "nvidia-open-kernel-dkms", "nvidia-tesla-470-kernel-dkms", "nvidia-dkms-550-server",
        "kmod-nvidia-latest-dkms", "akmod-nvidia", "linux-modules-nvidia-535-generic", "nvidia", "nvidia-lts"})
    EXPECT_TRUE(brings_nvidia_modules(name)) << name;
  for (const auto* name : {"nvidia-utils", "nvidia-kernel-common", "nvidia-driver-libs", "libnvidia-ml1",
                           "nvidia-container-toolkit", "zfs-dkms", "nvidia-smi"})
    EXPECT_FALSE(brings_nvidia_modules(name)) << name;
}

}  // namespace
}  // namespace vgpukit::install
