#include "system/iommu_groups.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/fixture_host.hpp"

namespace vgpukit::system {
namespace {

using testing::IsEmpty;

TEST(Groups, BetterSlotsAreThoseAlone) {
  const test::FixtureHost host("000-second-slot");
  const Sysfs sysfs(host.host);
  const auto pci = host.pci();
  const auto& card = *pci.find("0000:04:00.0");
  const auto mates = group_members(pci, card);
  EXPECT_EQ(mates.other_devices.size(), 3u);
  EXPECT_EQ(mates.bridges.size(), 4u);
  const auto slots = better_slots(sysfs, pci, card);
  ASSERT_EQ(slots.size(), 1u);
  EXPECT_EQ(slots[0].port->address, "0000:00:03.1");
  EXPECT_THAT(slots[0].occupants, IsEmpty());
}

TEST(Groups, ASlotWithADiskIsNoBetterOne) {
  test::FixtureHost host("000-second-slot");
  host.tree.pci("0000:08:00.0", {{"id", "144d:a808"}, {"class", "010802"}, {"group", "20"}, {"under", "0000:00:03.1"}});
  const Sysfs sysfs(host.host);
  const auto pci = host.pci();
  EXPECT_THAT(better_slots(sysfs, pci, *pci.find("0000:04:00.0")), IsEmpty());
}

TEST(Groups, ASlotHasItsName) {
  test::FixtureHost host("000-second-slot");
  host.tree.pci("0000:08:00.0", {{"id", "10de:1287"}, {"class", "030000"}, {"group", "20"}, {"under", "0000:00:03.1"}});
  host.tree.file("sys/bus/pci/slots/3/address", "0000:08:00\n");
  const Sysfs sysfs(host.host);
  const auto pci = host.pci();
  const auto slots = better_slots(sysfs, pci, *pci.find("0000:04:00.0"));
  ASSERT_EQ(slots.size(), 1u);
  EXPECT_EQ(slots[0].name, "3");
}

}  // namespace
}  // namespace vgpukit::system
