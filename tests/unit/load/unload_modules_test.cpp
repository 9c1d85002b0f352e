#include "load/unload_modules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load/fake_running_system.hpp"

namespace vgpukit::load {
namespace {

using test::ModuleScene;
using test::uuid_a;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* persistenced = "0::/system.slice/nvidia-persistenced.service";

struct Unloading : testing::Test, ModuleScene {
  Unloading() {
    folder.usual();
    EXPECT_TRUE(load_modules(tools(), {}));
    running_system.did.clear();
  }
};

TEST_F(Unloading, AModuleIsUnloadedBeforeThoseThatItUses) {
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

TEST_F(Unloading, AProcessOfNoServiceIsNeverStopped) {
  process(900, "python3", "/dev/nvidia0", "0::/user.slice/user-1000.slice/session-2.scope");
  const auto report = unload_modules(tools(), {true});
  ASSERT_TRUE(report && report->error);
  EXPECT_THAT(report->error->message(), HasSubstr("it is no service"));
  EXPECT_TRUE(running_system.did.empty());
}

TEST_F(Unloading, AProcessThatHasOnlyTheCardsDrmNodeIsNamed) {
  const std::string card = "sys/bus/pci/devices/0000:65:00.0/";
  fake.file(card + "vendor", "0x10de\n");
  fake.link(card + "driver", "../../../bus/pci/drivers/nvidia");
  fake.file(card + "drm/card0/uevent", "MAJOR=226\nDEVNAME=dri/card0\n");
  process(900, "kmscube", "/dev/dri/card0", "0::/user.slice/user-1000.slice/session-2.scope");
  const auto report = unload_modules(tools(), {true});
  ASSERT_TRUE(report && report->error);
  EXPECT_THAT(report->error->message(), HasSubstr("kmscube (pid 900) has /dev/dri/card0"));
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

TEST_F(Unloading, AModuleThatUsesTheDriverIsNamed) {
  fake.file("sys/module/nvidia/holders/gdrdrv", "");
  const auto report = unload_modules(tools(), {true});
  ASSERT_TRUE(report && report->error);
  EXPECT_THAT(report->error->message(), HasSubstr("the module gdrdrv uses nvidia"));
}

TEST_F(Unloading, AfterAFailureEverythingIsRestored) {
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

TEST_F(Unloading, AModuleThatCannotBeRestoredIsReported) {
  fs::remove_all(fake.folder / "lib/modules" / test::release / "updates/nvidia-vgpu-vfio.ko");
  folder.depmod();
  running_system.fail_remove["nvidia"] = EBUSY;
  const auto report = unload_modules(tools(), {});
  ASSERT_TRUE(report && report->error);
  EXPECT_THAT(report->not_put_back, ElementsAre(HasSubstr("nvidia_vgpu_vfio could not be put back")));
}

TEST_F(Unloading, ReloadRestoresServicesAndVgpus) {
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

TEST_F(Unloading, AfterAFailedReloadTheOldModulesAreLoaded) {
  folder.module("nvidia", {}, {}, {}, "out");
  folder.module("nvidia-new", {}, {}, {}, "out");
  running_system.fail_insert["nvidia_new"] = ENOEXEC;
  folder.module("nvidia-vgpu-vfio", {}, {}, {"depends=nvidia-new"}, "out");
  const auto report = reload_modules(tools(), {}, fake.folder / "out");
  ASSERT_TRUE(report);
  ASSERT_TRUE(report->error);
  EXPECT_TRUE(fake.has("sys/module/nvidia")) << "restored";
  EXPECT_TRUE(fake.has("sys/module/nvidia_vgpu_vfio")) << "restored";
}

TEST_F(Unloading, AReloadFromAFolderWithoutModulesChangesNothing) {
  EXPECT_FALSE(reload_modules(tools(), {}, fake.folder / "sys"));
  EXPECT_TRUE(running_system.did.empty());
}

}  // namespace
}  // namespace vgpukit::load
