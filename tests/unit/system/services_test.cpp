#include "system/services.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/fixture_host.hpp"

namespace vgpukit::system {
namespace {

using Is = ServiceState::Is;
using testing::HasSubstr;

Is state_of(const std::string& active, const std::string& more = "") {
  return parse_systemctl_show("nvidia-vgpud.service", "LoadState=loaded\nActiveState=" + active + "\n" + more).is;
}

TEST(Services, TheAnswersOfSystemctlShow) {
  EXPECT_EQ(state_of("active"), Is::running);
  EXPECT_EQ(state_of("activating"), Is::running);
  EXPECT_EQ(state_of("inactive", "ExecMainExitTimestampMonotonic=0\n"), Is::stopped);
  EXPECT_EQ(state_of("inactive", "ExecMainExitTimestampMonotonic=123\n"), Is::done);
  EXPECT_EQ(state_of("failed"), Is::failed);
  const auto failed = parse_systemctl_show(
      "nvidia-vgpud.service", "LoadState=loaded\nActiveState=failed\nResult=exit-code\nExecMainStatus=6\n");
  EXPECT_EQ(failed.state, "failed (result: exit-code, exit status 6)");
  EXPECT_EQ(parse_systemctl_show("x.service", "LoadState=not-found\nActiveState=inactive\n").is, Is::missing);
  EXPECT_EQ(parse_systemctl_show("x.service", "LoadState=masked\nActiveState=inactive\n").state, "masked");
  EXPECT_EQ(parse_systemctl_show("x.service", "").is, Is::unknown);
}

TEST(Services, AnotherRootHasFilesOnly) {
  const test::FixtureHost host;
  const Sysfs sysfs(host.host);
  const auto ask = [&] { return service_state(host.host, sysfs, "nvidia-vgpu-mgr.service"); };
  EXPECT_EQ(ask().is, Is::unknown) << "a root without systemd";
  host.tree.dir("usr/lib/systemd/system");
  EXPECT_EQ(ask().is, Is::missing);
  host.tree.link("etc/systemd/system/nvidia-vgpu-mgr.service", "/nowhere/nvidia-vgpu-mgr.service");
  EXPECT_EQ(ask().is, Is::installed) << "an absolute link does not lead into the root";
  host.tree.file("var/log/messages", "Jan 1 h nvidia-vgpu-mgr[3]: error: vmiop_env_log: Failed to initialize RM\n");
  EXPECT_THAT(ask().text(), HasSubstr("its last lines: error: vmiop_env_log: Failed to initialize RM"));
  host.tree.file("proc/12/comm", "nvidia-vgpu-mgr\n");
  EXPECT_EQ(ask().is, Is::running);
}

}  // namespace
}  // namespace vgpukit::system
