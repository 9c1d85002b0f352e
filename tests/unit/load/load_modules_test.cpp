#include "load/load_modules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load/fake_running_system.hpp"

namespace vgpukit::load {
namespace {

using test::ModuleScene;
using test::uuid_a;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* persistenced = "0::/system.slice/nvidia-persistenced.service";

std::vector<std::string> names(const LoadPlan& plan) {
  std::vector<std::string> all;
  for (const auto& module : plan.modules) all.push_back(module.name);
  return all;
}

struct Loading : testing::Test, ModuleScene {
  Loading() { folder.usual(); }
  Result<LoadPlan> plan(const LoadRequest& request = {}) { return plan_load(fake.host, sysfs, test::release, request); }
};

TEST_F(Loading, WhatAModuleNeedsComesBeforeIt) {
  const auto planned = plan();
  ASSERT_TRUE(planned) << planned.error().message();
  EXPECT_THAT(names(*planned), ElementsAre("nvidia", "vfio", "mdev", "vfio_iommu_type1", "kvm", "nvidia_vgpu_vfio"));
  EXPECT_EQ(planned->modules[2].reason, "needed by nvidia_vgpu_vfio");
  EXPECT_FALSE(planned->modules[2].optional);
  EXPECT_TRUE(planned->modules[3].optional) << "a host without that backend may use iommufd";
}

TEST_F(Loading, ABuildsFolderHidesWhatIsInstalled) {
  folder.module("nvidia", {"nv_get"}, {}, {}, "out");
  folder.module("nvidia-vgpu-vfio", {}, {"mdev_register"}, {"depends=mdev,vfio", "softdep=pre: nvidia post: kvm"},
                "out");
  const auto planned = plan({{}, fake.folder / "out"});
  ASSERT_TRUE(planned) << planned.error().message();
  EXPECT_THAT(names(*planned), ElementsAre("nvidia", "vfio", "mdev", "vfio_iommu_type1", "kvm", "nvidia_vgpu_vfio"));
  EXPECT_EQ(planned->modules[0].file, fake.folder / "out/nvidia.ko");
  EXPECT_THAT(planned->modules[2].file.string(), HasSubstr("lib/modules")) << "the kernel's own";
}

TEST_F(Loading, ModprobesConfigurationIsRespected) {
  fake.file("etc/modprobe.d/a.conf", "options nvidia NVreg_EnableMSI=0\nblacklist kvm\nsoftdep nvidia pre: vfio\n");
  const auto planned = plan();
  ASSERT_TRUE(planned) << planned.error().message();
  EXPECT_THAT(names(*planned), ElementsAre("vfio", "nvidia", "mdev", "vfio_iommu_type1", "kvm", "nvidia_vgpu_vfio"));
  EXPECT_EQ(planned->modules[1].options, "NVreg_EnableMSI=0");
  EXPECT_THAT(planned->modules[4].left_out, HasSubstr("blacklisted"));
}

TEST_F(Loading, AModuleThatIsSwitchedOffStopsTheLoad) {
  fake.file("etc/modprobe.d/a.conf", "install mdev /bin/false\n");
  const auto report = load_modules(tools(), {});
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message(), HasSubstr("install mdev /bin/false"));
  EXPECT_TRUE(running_system.did.empty());
}

TEST_F(Loading, ABlacklistedDriverLoadsByName) {
  fake.file("etc/modprobe.d/a.conf", "blacklist nvidia\nblacklist nvidia_vgpu_vfio\n");
  const auto all = load_modules(tools(), {});
  ASSERT_FALSE(all);
  EXPECT_THAT(all.error().message(), HasSubstr("blacklisted"));
  const auto named = load_modules(tools(), {{"nvidia"}, {}});
  ASSERT_TRUE(named);
  EXPECT_THAT(running_system.did, ElementsAre("insert nvidia"));
}

TEST_F(Loading, ANameThatOnlyModprobesConfigurationKnowsIsNoModule) {
  fake.file("etc/modprobe.d/a.conf", "install nvidia_uvm /bin/true\nalias nvidia_drm off\n");
  const auto planned = plan();
  ASSERT_TRUE(planned) << planned.error().message();
  EXPECT_THAT(names(*planned), Not(Contains("nvidia_uvm")));
  EXPECT_EQ(plan({{"nvidia_uvm"}, {}}).error().kind, ErrorKind::usage);
}

TEST_F(Loading, BadRequests) {
  EXPECT_THAT(plan({{"usb-storage"}, {}}).error().message(), HasSubstr("none of NVIDIA's"));
  EXPECT_THAT(plan({{"nvidia-uvm"}, {}}).error().message(), HasSubstr("none of that name"));
  EXPECT_THAT(plan({{}, fake.folder / "nowhere"}).error().message(), HasSubstr("No such file"));
  EXPECT_THAT(plan({{}, fake.folder / "sys"}).error().message(), HasSubstr("no .ko file"));
  fake.file("bad/nvidia.ko", "no ELF");
  EXPECT_EQ(plan({{}, fake.folder / "bad"}).error().kind, ErrorKind::usage);
  EXPECT_THAT(plan_load(fake.host, sysfs, "9.9.9", {}).error().message(), HasSubstr("modules.dep.bin"));
}

TEST_F(Loading, AKernelWithoutADriverSaysWhereToGetOne) {
  fs::remove_all(fake.folder / "lib/modules" / test::release / "updates");
  folder.depmod();
  const auto planned = plan();
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().kind, ErrorKind::missing);
  EXPECT_THAT(planned.error().message(), HasSubstr("vgpukit install"));
}

TEST_F(Loading, WhatFailsIsExplainedAndTakenBack) {
  running_system.fail_insert["nvidia_vgpu_vfio"] = EINVAL;
  auto with_messages = tools();
  with_messages.kernel_messages = [&]() -> std::vector<system::KernelMessage> {
    if (running_system.did.empty() || running_system.did.back() != "insert nvidia_vgpu_vfio") return {};
    return {{4, 1, "failing symbol_get of non-GPLONLY symbol nvidia_vgpu_vfio_get_ops."}};
  };
  const auto report = load_modules(with_messages, {});
  ASSERT_TRUE(report);
  ASSERT_TRUE(report->error);
  EXPECT_THAT(report->error->message(), HasSubstr("asks for nvidia_vgpu_vfio_get_ops with symbol_get()"));
  EXPECT_FALSE(fake.has("sys/module/nvidia"));
  EXPECT_TRUE(fake.has("sys/module/mdev")) << "the kernel's own modules do no harm";
}

TEST_F(Loading, AnOptionalModuleMayFail) {
  running_system.fail_insert["kvm"] = EOPNOTSUPP;
  const auto report = load_modules(tools(), {});
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->error);
  EXPECT_TRUE(fake.has("sys/module/nvidia_vgpu_vfio"));
}

struct Unloading : Loading {
  Unloading() {
    EXPECT_TRUE(load_modules(tools(), {}));
    running_system.did.clear();
  }
};

TEST_F(Unloading, UsersGoBeforeWhatTheyUse) {
  const auto report = unload_modules(tools(), {});
  ASSERT_TRUE(report);
  ASSERT_FALSE(report->error) << report->error->message();
  EXPECT_THAT(running_system.did, ElementsAre("remove nvidia_vgpu_vfio", "remove nvidia"));
}

TEST_F(Unloading, AServiceIsNamedAndStoppedOnlyWhenAsked) {
  process(812, "nvidia-persiste", "/dev/nvidia0", persistenced);
  running_system.gone["nvidia-persistenced.service"] = {"proc/812"};
  auto report = unload_modules(tools(), {});
  ASSERT_TRUE(report && report->error);
  EXPECT_THAT(report->error->message(),
              HasSubstr("nvidia-persiste (pid 812, nvidia-persistenced.service) has /dev/nvidia0"));
  EXPECT_THAT(report->error->message(), HasSubstr("--stop-holders"));
  EXPECT_TRUE(running_system.did.empty());
  report = unload_modules(tools(), {true});
  ASSERT_TRUE(report);
  ASSERT_FALSE(report->error) << report->error->message();
  EXPECT_THAT(running_system.did,
              ElementsAre("stop nvidia-persistenced.service", "remove nvidia_vgpu_vfio", "remove nvidia"));
}

TEST_F(Unloading, WhatIsNoServiceIsNeverStopped) {
  process(900, "python3", "/dev/nvidia0", "0::/user.slice/user-1000.slice/session-2.scope");
  const auto report = unload_modules(tools(), {true});
  ASSERT_TRUE(report && report->error);
  EXPECT_THAT(report->error->message(), HasSubstr("it is no service"));
  EXPECT_TRUE(running_system.did.empty());
}

TEST_F(Unloading, AVirtualMachineIsNeverStopped) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a);
  process(77, "qemu-system-x86", "/dev/vfio/7", persistenced);
  fake.file("proc/77/cmdline", std::string("qemu\0-name\0guest=web\0-device\0vfio-pci,sysfsdev=x\0", 48));
  const auto report = unload_modules(tools(), {true});
  ASSERT_TRUE(report && report->error);
  EXPECT_THAT(report->error->message(), HasSubstr("the virtual machine web"));
  EXPECT_TRUE(running_system.did.empty());
}

TEST_F(Unloading, AnotherModuleInTheWayIsNamed) {
  fake.file("sys/module/nvidia/holders/gdrdrv", "");
  const auto report = unload_modules(tools(), {true});
  ASSERT_TRUE(report && report->error);
  EXPECT_THAT(report->error->message(), HasSubstr("the module gdrdrv uses nvidia"));
}

TEST_F(Unloading, AHalfUnloadedStateIsPutBack) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a);
  fake.file("etc/modprobe.d/a.conf", "options nvidia_vgpu_vfio late=1\n");  // not what it was loaded with
  process(812, "nvidia-persiste", "/dev/nvidia0", persistenced);
  running_system.gone["nvidia-persistenced.service"] = {"proc/812"};
  running_system.fail_remove["nvidia"] = EAGAIN;
  const auto report = unload_modules(tools(), {true});
  ASSERT_TRUE(report && report->error);
  EXPECT_THAT(report->error->message(), HasSubstr("no program or module shows by whom"));
  EXPECT_THAT(report->not_put_back, ElementsAre());
  EXPECT_THAT(running_system.did, ElementsAre("stop nvidia-persistenced.service", "remove nvidia_vgpu_vfio",
                                              "insert nvidia_vgpu_vfio", "start nvidia-persistenced.service"));
  EXPECT_TRUE(fake.has("sys/bus/mdev/devices/" + test::uuid_a));
}

TEST_F(Unloading, AServiceThatDoesNotStopIsStartedAgain) {
  process(812, "nvidia-persiste", "/dev/nvidia0", persistenced);
  running_system.fail_service["stop nvidia-persistenced.service"] = "Job canceled";
  const auto report = unload_modules(tools(), {true});
  ASSERT_TRUE(report && report->error);
  EXPECT_THAT(report->error->message(), HasSubstr("Job canceled"));
  EXPECT_THAT(running_system.did, ElementsAre("stop nvidia-persistenced.service", "start nvidia-persistenced.service"));
}

TEST_F(Unloading, WhatCannotBePutBackIsSaid) {
  fs::remove_all(fake.folder / "lib/modules" / test::release / "updates/nvidia-vgpu-vfio.ko");
  folder.depmod();
  running_system.fail_remove["nvidia"] = EBUSY;
  const auto report = unload_modules(tools(), {});
  ASSERT_TRUE(report && report->error);
  EXPECT_THAT(report->not_put_back, ElementsAre(HasSubstr("nvidia_vgpu_vfio could not be put back")));
}

TEST_F(Unloading, ReloadBringsAllOfItBack) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a);
  process(812, "nvidia-persiste", "/dev/nvidia0", persistenced);
  running_system.gone["nvidia-persistenced.service"] = {"proc/812"};
  const auto report = reload_modules(tools(), {true}, {});
  ASSERT_TRUE(report);
  ASSERT_FALSE(report->error) << report->error->message();
  EXPECT_THAT(running_system.did,
              ElementsAre("stop nvidia-persistenced.service", "remove nvidia_vgpu_vfio", "remove nvidia",
                          "insert nvidia", "insert nvidia_vgpu_vfio", "start nvidia-persistenced.service"));
  EXPECT_THAT(report->vgpus, ElementsAre(test::uuid_a));
}

TEST_F(Unloading, AReloadThatFailsEndsWithTheOldModules) {
  folder.module("nvidia", {}, {}, {}, "out");
  folder.module("nvidia-new", {}, {}, {}, "out");
  running_system.fail_insert["nvidia_new"] = ENOEXEC;
  folder.module("nvidia-vgpu-vfio", {}, {}, {"depends=nvidia-new"}, "out");
  const auto report = reload_modules(tools(), {}, fake.folder / "out");
  ASSERT_TRUE(report);
  ASSERT_TRUE(report->error);
  EXPECT_TRUE(fake.has("sys/module/nvidia")) << "put back";
  EXPECT_TRUE(fake.has("sys/module/nvidia_vgpu_vfio")) << "put back";
}

TEST_F(Unloading, AReloadFromAFolderWithoutModulesChangesNothing) {
  EXPECT_FALSE(reload_modules(tools(), {}, fake.folder / "sys"));
  EXPECT_TRUE(running_system.did.empty());
}

TEST(ServiceOf, OnlySystemServicesAreServices) {
  EXPECT_EQ(service_of("0::/system.slice/nvidia-vgpu-mgr.service"), "nvidia-vgpu-mgr.service");
  EXPECT_EQ(service_of("12:pids:/\n1:name=systemd:/system.slice/nvidia-vgpud.service\n"), "nvidia-vgpud.service");
  EXPECT_EQ(service_of("0::/system.slice/system-x.slice/x@1.service/sub"), "x@1.service");
  EXPECT_EQ(service_of("0::/user.slice/user-1000.slice/user@1000.service/app.slice/a.service"), "");
  EXPECT_EQ(service_of("0::/machine.slice/machine-qemu.scope/libvirt"), "");
  EXPECT_EQ(service_of("0::/system.slice/docker-12ab.scope/x.service"), "");
  EXPECT_EQ(service_of(""), "");
}

}  // namespace
}  // namespace vgpukit::load
