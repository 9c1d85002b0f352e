#include "system/display.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/fixture_host.hpp"

namespace vgpukit::system {
namespace {

using testing::ElementsAre;

TEST(Display, DrmCardsWithTheirConnectedDisplays) {
  test::FixtureHost host("003-rtx2080ti-debian");
  host.tree.link("sys/class/drm/card0", "../../devices/pci0000:00/0000:00:02.0/drm/card0");
  host.tree.dir("sys/devices/pci0000:00/0000:00:02.0/drm/card0");
  host.tree.link("sys/devices/pci0000:00/0000:00:02.0/drm/card0/device", "../..");
  host.tree.file("sys/class/drm/card0-HDMI-A-1/status", "connected\n");
  host.tree.file("sys/class/drm/card0-DP-1/status", "disconnected\n");
  host.tree.file("sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n");
  host.tree.file("sys/class/vtconsole/vtcon1/bind", "1\n");
  const auto pci = host.pci();
  const auto display = read_display(Sysfs(host.host), pci);
  ASSERT_EQ(display.cards.size(), 1u);
  EXPECT_EQ(display.cards[0].address, "0000:00:02.0");
  EXPECT_EQ(display.cards[0].driver, "i915");
  EXPECT_THAT(display.cards[0].connected, ElementsAre("HDMI-A-1"));
  ASSERT_EQ(display.consoles.size(), 1u);
  EXPECT_TRUE(display.consoles[0].bound);
  EXPECT_EQ(display.boot_vga, "0000:00:02.0");
}

}  // namespace
}  // namespace vgpukit::system
