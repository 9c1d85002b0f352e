#include "system/pci.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/device_holders.hpp"
#include "system/fixture_host.hpp"
#include "system/iommu_groups.hpp"

namespace vgpukit::system {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Pci, ADeviceAsSysfsShowsIt) {
  const test::FixtureHost host("003-rtx2080ti-debian");
  const auto pci = host.pci();
  const auto* card = pci.find("0000:01:00.0");
  ASSERT_TRUE(card);
  EXPECT_EQ(card->ids(), "10de:1e04");
  EXPECT_EQ(card->subsystem_vendor, 0x1b4cu);
  EXPECT_EQ(card->class_code, 0x030000u);
  EXPECT_EQ(card->revision, 0xa1u);
  EXPECT_EQ(card->driver, "nouveau");
  EXPECT_EQ(card->driver_override, "");
  EXPECT_EQ(card->group, 1u);
  EXPECT_EQ(card->bridge, "0000:00:01.0");
  EXPECT_EQ(card->boot_vga, false);
  EXPECT_EQ(card->max_link_width, 16u);
  EXPECT_THAT(card->reset_methods, ElementsAre("bus"));
  EXPECT_TRUE(card->is_nvidia_card());
  EXPECT_EQ(pci.functions_of(*card).size(), 4u);
  EXPECT_EQ(pci.behind(*pci.find("0000:00:01.0")).size(), 4u);
  EXPECT_EQ(pci.find("0000:00:01.0")->bridge, "");
  EXPECT_FALSE(pci.find("0000:01:00.1")->boot_vga);
}

TEST(Pci, AFileThatCannotBeReadIsNamed) {
  const test::FixtureHost host("healthy");
  // A folder can be opened but not read, also by root.
  fs::remove(host.folder / "sys/devices/pci0000:00/0000:00:1f.6/class");
  host.tree.dir("sys/devices/pci0000:00/0000:00:1f.6/class");
  const auto pci = host.pci();
  EXPECT_THAT(pci.find("0000:00:1f.6")->unreadable, ElementsAre("class: Is a directory"));
}

TEST(Pci, TheCardThatAUserMeans) {
  const test::FixtureHost host("003-rtx2080ti-debian");
  const auto pci = host.pci();
  for (const auto* word : {"01:00.0", "0000:01:00.0", "01:00", "0000:01:00", "00000000:01:00.0"}) {
    const auto card = find_card(pci, word);
    ASSERT_TRUE(card) << word;
    EXPECT_EQ((*card)->address, "0000:01:00.0");
  }
  struct Bad {
    const char* word;
    const char* why;
  };
  for (const auto& bad :
       {Bad{"05:00.0", "no device has the address 0000:05:00.0"}, Bad{"00:01.0", "it is a PCI bridge"},
        Bad{"gpu0", "it is not a PCI address"}, Bad{"", "it is not a PCI address"},
        Bad{"../../x", "it is not a PCI address"}, Bad{"00:00.0", "it is a host bridge"},
        Bad{"00:14.0", "it is not a graphics card: USB controller"}}) {
    const auto card = find_card(pci, bad.word);
    ASSERT_FALSE(card) << bad.word;
    EXPECT_EQ(card.error().kind, ErrorKind::usage);
    EXPECT_THAT(card.error().message(), HasSubstr(bad.why));
    EXPECT_THAT(card.error().message(), HasSubstr("0000:01:00.0 (NVIDIA VGA controller 10de:1e04)"));
  }
  EXPECT_TRUE(find_card(pci, "00:14.0", true));
  EXPECT_FALSE(find_card(pci, "00:01.0", true));
}

TEST(Pci, AVirtualFunctionIsNoCard) {
  test::FixtureHost host("healthy");
  host.tree.pci("0000:01:00.4", {{"id", "10de:1bb3"}, {"class", "030200"}, {"under", "0000:00:01.0"}, {"group", "9"}});
  host.tree.link("sys/bus/pci/devices/0000:01:00.4/physfn", "../0000:01:00.0");
  const auto pci = host.pci();
  EXPECT_EQ(pci.nvidia_cards().size(), 1u);
  EXPECT_EQ(pci.functions_of(*pci.find("0000:01:00.0")).size(), 1u);
}

// Devices behind a VMD controller have a domain of five digits.
TEST(Pci, DevicesOfAVmdControllerAreSeen) {
  test::FixtureHost host("healthy");
  host.tree.pci("10000:e0:06.0", {{"id", "8086:09ab"}, {"class", "060400"}, {"group", "4"}});
  host.tree.pci(
      "10000:e1:00.0",
      {{"id", "144d:a80a"}, {"class", "010802"}, {"group", "4"}, {"under", "10000:e0:06.0"}, {"driver", "nvme"}});
  host.tree.pci("1000:00:00.0", {{"id", "8086:3e30"}, {"class", "060000"}});
  host.tree.file("sys/devices/pci10000:e0/10000:e0:06.0/10000:e1:00.0/nvme/nvme0/nvme0n1/uevent", "DEVNAME=nvme0n1\n");
  const auto pci = host.pci();
  ASSERT_TRUE(pci.find("10000:e1:00.0"));
  EXPECT_EQ(pci.devices.back().address, "10000:e1:00.0") << "sorted by the domain's number";
  const auto& disk = *pci.find("10000:e1:00.0");
  EXPECT_EQ(disk.slot(), "10000:e1:00");
  EXPECT_EQ(disk.bridge, "10000:e0:06.0");
  EXPECT_EQ(pci.find("10000:e0:06.0")->bridge, "");
  EXPECT_EQ(pci.behind(*pci.find("10000:e0:06.0")).size(), 1u);
  EXPECT_THAT(device_nodes(Sysfs(host.host), disk), ElementsAre("/dev/nvme0n1"));
  EXPECT_THAT(device_nodes(Sysfs(host.host), *pci.find("10000:e0:06.0")), IsEmpty()) << "the disk is another device";
  EXPECT_THAT(group_members(pci, *pci.find("0000:01:00.0")).other_devices, ElementsAre(&disk));
  const auto card = find_card(pci, "10000:E1:00", true);
  ASSERT_TRUE(card) << card.error().message();
  EXPECT_EQ(*card, &disk);
  EXPECT_FALSE(find_card(pci, "e1:00.0", true)) << "that is in domain 0";
}

}  // namespace
}  // namespace vgpukit::system
