#include "load/load_modules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load/fake_running_system.hpp"

namespace vgpukit::load {
namespace {

using test::ModuleScene;
using testing::ElementsAre;
using testing::HasSubstr;

struct Loading : testing::Test, ModuleScene {
  Loading() { folder.usual(); }
};

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

TEST_F(Loading, AFailureIsExplainedAndUndone) {
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
  EXPECT_TRUE(fake.has("sys/module/mdev")) << "the kernel's own modules stay";
}

TEST_F(Loading, AnOptionalModuleMayFail) {
  running_system.fail_insert["kvm"] = EOPNOTSUPP;
  const auto report = load_modules(tools(), {});
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->error);
  EXPECT_TRUE(fake.has("sys/module/nvidia_vgpu_vfio"));
}

}  // namespace
}  // namespace vgpukit::load
