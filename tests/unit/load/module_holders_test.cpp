#include "load/module_holders.hpp"

#include <gtest/gtest.h>

namespace vgpukit::load {
namespace {

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
