#include "kernel/modules_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernel/fake_kernel.hpp"
#include "kernel/kernel.hpp"

namespace vgpukit::kernel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ModulesFolder : public ::testing::Test {
 protected:
  ModulesFolder() { host_.root = root_.path(); }
  void put(const std::string& inside) { test::put(root_ / fs::path(inside).relative_path(), ""); }

  test::TempFolder root_;
  HostPaths host_;
};

TEST_F(ModulesFolder, ListsReleasesAndThoseThatAreInstalled) {
  put("/lib/modules/6.1.0-9/modules.dep");
  put("/lib/modules/6.12/kernel/x.ko");
  put("/lib/modules/5.10/build/Makefile");
  put("/lib/modules/a-file");
  EXPECT_THAT(releases_of(host_), ElementsAre("5.10", "6.1.0-9", "6.12"));
  EXPECT_TRUE(has_modules(host_, "6.1.0-9"));
  EXPECT_TRUE(has_modules(host_, "6.12"));
  EXPECT_FALSE(has_modules(host_, "5.10"));
  EXPECT_FALSE(has_modules(host_, "no-such-release"));
  EXPECT_EQ(modules_folder(host_, "6.12"), root_ / "lib/modules/6.12");
  EXPECT_EQ(modules_folder(host_, "no-such-release"), std::nullopt);
}

TEST_F(ModulesFolder, IsEmptyInAnEmptyRoot) {
  EXPECT_EQ(modules_folder(host_), std::nullopt);
  EXPECT_THAT(releases_of(host_), IsEmpty());
  EXPECT_THAT(installed_module_files(host_, "6.1", {"nvidia"}), IsEmpty());
}

TEST_F(ModulesFolder, FindsModulesInAnyFolderCompressedOrNot) {
  put("/lib/modules/6.1/updates/dkms/nvidia.ko");
  put("/lib/modules/6.1/extra/nvidia-drm.ko.xz");
  put("/lib/modules/6.1/extra/nvidia_uvm.ko.zst");
  put("/lib/modules/6.1/extra/nvidia.kobject");
  put("/lib/modules/6.1/extra/i915.ko");
  const auto found = installed_module_files(host_, "6.1", {"nvidia", "nvidia-drm", "nvidia-uvm"});
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].name, "nvidia-drm");
  EXPECT_EQ(found[0].path, "/lib/modules/6.1/extra/nvidia-drm.ko.xz");
  EXPECT_EQ(found[1].name, "nvidia-uvm");
  EXPECT_EQ(found[2].path, "/lib/modules/6.1/updates/dkms/nvidia.ko");
  EXPECT_EQ(found[2].file, root_ / "lib/modules/6.1/updates/dkms/nvidia.ko");
}

// For the host an absolute link leads out of the root.
TEST_F(ModulesFolder, FollowsAnAbsoluteLinkAsTheRootWould) {
  put("/vgpukit-test/lib/modules/6.1/kernel/nvidia.ko");
  put("/vgpukit-test/lib/modules/6.1/modules.dep");
  fs::create_symlink("/vgpukit-test/lib", root_ / "lib");
  EXPECT_EQ(modules_folder(host_), root_ / "vgpukit-test/lib/modules");
  EXPECT_THAT(releases_of(host_), ElementsAre("6.1"));
  EXPECT_TRUE(has_modules(host_, "6.1"));
  const auto found = installed_module_files(host_, "6.1", {"nvidia"});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].path, "/lib/modules/6.1/kernel/nvidia.ko");
  EXPECT_EQ(found[0].file, root_ / "vgpukit-test/lib/modules/6.1/kernel/nvidia.ko");
  const auto kernels = list_kernels(host_);
  ASSERT_EQ(kernels.size(), 1U);
  EXPECT_TRUE(kernels[0].modules);
}

TEST(ModuleName, IsTheOneThatTheKernelUses) {
  EXPECT_EQ(module_name("kernel/drivers/vfio/pci/vfio-pci.ko.xz"), "vfio_pci");
  EXPECT_EQ(module_name("drivers/gpu/drm/drm_kms_helper"), "drm_kms_helper");
  EXPECT_EQ(module_name("nvidia-drm"), "nvidia_drm");
  EXPECT_EQ(module_name("/x.ko/nvidia.ko"), "nvidia");
  EXPECT_EQ(module_name("x.kobject"), "x.kobject");
}

}  // namespace
}  // namespace vgpukit::kernel
