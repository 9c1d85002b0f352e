#include "load/load_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load/fake_running_system.hpp"

namespace vgpukit::load {
namespace {

using test::ModuleScene;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> names(const LoadPlan& plan) {
  std::vector<std::string> all;
  for (const auto& module : plan.modules) all.push_back(module.name);
  return all;
}

struct LoadPlanning : testing::Test, ModuleScene {
  LoadPlanning() { folder.usual(); }
  Result<LoadPlan> plan(const LoadRequest& request = {}) { return plan_load(fake.host, sysfs, test::release, request); }
};

TEST_F(LoadPlanning, DependenciesComeFirst) {
  const auto planned = plan();
  ASSERT_TRUE(planned) << planned.error().message();
  EXPECT_THAT(names(*planned), ElementsAre("nvidia", "vfio", "mdev", "vfio_iommu_type1", "kvm", "nvidia_vgpu_vfio"));
  EXPECT_EQ(planned->modules[2].reason, "needed by nvidia_vgpu_vfio");
  EXPECT_FALSE(planned->modules[2].optional);
  EXPECT_TRUE(planned->modules[3].optional) << "a host without that backend may use iommufd";
}

TEST_F(LoadPlanning, ABuildsFolderHidesInstalledModules) {
  folder.module("nvidia", {"nv_get"}, {}, {}, "out");
  folder.module("nvidia-vgpu-vfio", {}, {"mdev_register"}, {"depends=mdev,vfio", "softdep=pre: nvidia post: kvm"},
                "out");
  const auto planned = plan({{}, fake.folder / "out"});
  ASSERT_TRUE(planned) << planned.error().message();
  EXPECT_THAT(names(*planned), ElementsAre("nvidia", "vfio", "mdev", "vfio_iommu_type1", "kvm", "nvidia_vgpu_vfio"));
  EXPECT_EQ(planned->modules[0].file, fake.folder / "out/nvidia.ko");
  EXPECT_THAT(planned->modules[2].file.string(), HasSubstr("lib/modules")) << "the kernel's own";
}

TEST_F(LoadPlanning, ModprobesConfigurationIsRespected) {
  fake.file("etc/modprobe.d/a.conf", "options nvidia NVreg_EnableMSI=0\nblacklist kvm\nsoftdep nvidia pre: vfio\n");
  const auto planned = plan();
  ASSERT_TRUE(planned) << planned.error().message();
  EXPECT_THAT(names(*planned), ElementsAre("vfio", "nvidia", "mdev", "vfio_iommu_type1", "kvm", "nvidia_vgpu_vfio"));
  EXPECT_EQ(planned->modules[1].options, "NVreg_EnableMSI=0");
  EXPECT_THAT(planned->modules[4].skipped_because, HasSubstr("blacklisted"));
}

TEST_F(LoadPlanning, ANameOfModprobesConfigurationAloneIsNoModule) {
  fake.file("etc/modprobe.d/a.conf", "install nvidia_uvm /bin/true\nalias nvidia_drm off\n");
  const auto planned = plan();
  ASSERT_TRUE(planned) << planned.error().message();
  EXPECT_THAT(names(*planned), Not(Contains("nvidia_uvm")));
  EXPECT_EQ(plan({{"nvidia_uvm"}, {}}).error().kind, ErrorKind::usage);
}

TEST_F(LoadPlanning, BadRequests) {
  EXPECT_THAT(plan({{"usb-storage"}, {}}).error().message(), HasSubstr("none of NVIDIA's"));
  EXPECT_THAT(plan({{"nvidia-uvm"}, {}}).error().message(), HasSubstr("none of that name"));
  EXPECT_THAT(plan({{}, fake.folder / "nowhere"}).error().message(), HasSubstr("No such file"));
  EXPECT_THAT(plan({{}, fake.folder / "sys"}).error().message(), HasSubstr("no .ko file"));
  fake.file("bad/nvidia.ko", "no ELF");
  EXPECT_EQ(plan({{}, fake.folder / "bad"}).error().kind, ErrorKind::usage);
  EXPECT_THAT(plan_load(fake.host, sysfs, "9.9.9", {}).error().message(), HasSubstr("modules.dep.bin"));
}

TEST_F(LoadPlanning, AKernelWithoutADriver) {
  fs::remove_all(fake.folder / "lib/modules" / test::release / "updates");
  folder.depmod();
  const auto planned = plan();
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().kind, ErrorKind::missing);
  EXPECT_THAT(planned.error().message(), HasSubstr("vgpukit install"));
}

}  // namespace
}  // namespace vgpukit::load
