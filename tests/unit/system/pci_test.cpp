// What is read of a host: PCI devices, groups, parameters, the kernel log, displays, who makes the boot files.
#include <gmock/gmock.h>

#include "doctor/doctor_host.hpp"
#include "doctor/host_report.hpp"
#include "system/boot_setup.hpp"
#include "system/device_holders.hpp"
#include "system/display.hpp"
#include "system/iommu_groups.hpp"
#include "system/kernel_log.hpp"
#include "system/kernel_parameters.hpp"
#include "system/nvidia_chips.hpp"

namespace vgpukit::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(Pci, ADeviceAsSysfsShowsIt) {
  const FixtureHost host("003-rtx2080ti-debian");
  const auto view = host.view();
  const auto* card = view.pci.find("0000:01:00.0");
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
  EXPECT_EQ(view.pci.functions_of(*card).size(), 4u);
  EXPECT_EQ(view.pci.behind(*view.pci.find("0000:00:01.0")).size(), 4u);
  EXPECT_EQ(view.pci.find("0000:00:01.0")->bridge, "");
  EXPECT_FALSE(view.pci.find("0000:01:00.1")->boot_vga);
}

TEST(Pci, WhatCannotBeReadIsSaid) {
  const FixtureHost host("healthy");
  // A folder can be opened and not read, for root as well.
  fs::remove(host.folder / "sys/devices/pci0000:00/0000:00:1f.6/class");
  host.tree.dir("sys/devices/pci0000:00/0000:00:1f.6/class");
  const auto view = host.view();
  EXPECT_THAT(view.pci.find("0000:00:1f.6")->unreadable, ElementsAre("class: Is a directory"));
  const auto findings = host.run(doctor::check::cards_here);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].state, doctor::State::unknown);
}

TEST(Pci, TheCardThatAUserMeans) {
  const FixtureHost host("003-rtx2080ti-debian");
  const auto pci = host.view().pci;
  for (const auto* word : {"01:00.0", "0000:01:00.0", "01:00", "0000:01:00", "00000000:01:00.0"}) {
    const auto card = system::find_card(pci, word);
    ASSERT_TRUE(card) << word;
    EXPECT_EQ((*card)->address, "0000:01:00.0");
  }
  struct Bad {
    const char* word;
    const char* why;
  };
  for (const auto& bad :
       {Bad{"05:00.0", "no device has the address 0000:05:00.0"}, Bad{"00:01.0", "it is a PCI bridge"},
        Bad{"gpu0", "it is no PCI address"}, Bad{"", "it is no PCI address"}, Bad{"../../x", "it is no PCI address"},
        Bad{"00:00.0", "it is a host bridge"}, Bad{"00:14.0", "it is no graphics card: USB controller"}}) {
    const auto card = system::find_card(pci, bad.word);
    ASSERT_FALSE(card) << bad.word;
    EXPECT_EQ(card.error().kind, ErrorKind::usage);
    EXPECT_THAT(card.error().message(), HasSubstr(bad.why));
    EXPECT_THAT(card.error().message(), HasSubstr("0000:01:00.0 (NVIDIA VGA controller 10de:1e04)"));
  }
  EXPECT_TRUE(system::find_card(pci, "00:14.0", true));
  EXPECT_FALSE(system::find_card(pci, "00:01.0", true));
}

TEST(Pci, AVirtualFunctionIsNoCard) {
  FixtureHost host("healthy");
  host.tree.pci("0000:01:00.4", {{"id", "10de:1bb3"}, {"class", "030200"}, {"under", "0000:00:01.0"}, {"group", "9"}});
  host.tree.link("sys/bus/pci/devices/0000:01:00.4/physfn", "../0000:01:00.0");
  const auto pci = host.view().pci;
  EXPECT_EQ(pci.nvidia_cards().size(), 1u);
  EXPECT_EQ(pci.functions_of(*pci.find("0000:01:00.0")).size(), 1u);
}

// What a VMD controller holds has a domain of five digits.
TEST(Pci, DevicesOfAVmdControllerAreSeen) {
  FixtureHost host("healthy");
  host.tree.pci("10000:e0:06.0", {{"id", "8086:09ab"}, {"class", "060400"}, {"group", "4"}});
  host.tree.pci(
      "10000:e1:00.0",
      {{"id", "144d:a80a"}, {"class", "010802"}, {"group", "4"}, {"under", "10000:e0:06.0"}, {"driver", "nvme"}});
  host.tree.pci("1000:00:00.0", {{"id", "8086:3e30"}, {"class", "060000"}});
  host.tree.file("sys/devices/pci10000:e0/10000:e0:06.0/10000:e1:00.0/nvme/nvme0/nvme0n1/uevent", "DEVNAME=nvme0n1\n");
  const auto pci = host.view().pci;
  ASSERT_TRUE(pci.find("10000:e1:00.0"));
  EXPECT_EQ(pci.devices.back().address, "10000:e1:00.0") << "sorted by the domain's number";
  const auto& disk = *pci.find("10000:e1:00.0");
  EXPECT_EQ(disk.slot(), "10000:e1:00");
  EXPECT_EQ(disk.bridge, "10000:e0:06.0");
  EXPECT_EQ(pci.find("10000:e0:06.0")->bridge, "");
  EXPECT_EQ(pci.behind(*pci.find("10000:e0:06.0")).size(), 1u);
  EXPECT_THAT(system::device_nodes(Sysfs(host.host), disk), ElementsAre("/dev/nvme0n1"));
  EXPECT_THAT(system::device_nodes(Sysfs(host.host), *pci.find("10000:e0:06.0")), IsEmpty())
      << "the disk is another device";
  EXPECT_THAT(system::group_members(pci, *pci.find("0000:01:00.0")).other_devices, ElementsAre(&disk));
  const auto card = system::find_card(pci, "10000:E1:00", true);
  ASSERT_TRUE(card) << card.error().message();
  EXPECT_EQ(*card, &disk);
  EXPECT_FALSE(system::find_card(pci, "e1:00.0", true)) << "that is in domain 0";
  EXPECT_THAT(host.trouble(), ElementsAre("warn card.group 0000:01:00.0"));
}

TEST(Groups, BetterSlotsAreThoseAlone) {
  const FixtureHost host("000-second-slot");
  const Sysfs sysfs(host.host);
  const auto pci = host.view().pci;
  const auto& card = *pci.find("0000:04:00.0");
  const auto mates = system::group_members(pci, card);
  EXPECT_EQ(mates.other_devices.size(), 3u);
  EXPECT_EQ(mates.bridges.size(), 4u);
  const auto slots = system::better_slots(sysfs, pci, card);
  ASSERT_EQ(slots.size(), 1u);
  EXPECT_EQ(slots[0].port->address, "0000:00:03.1");
  EXPECT_THAT(slots[0].occupants, IsEmpty());
}

TEST(Groups, ASlotWithADiskIsNoBetterOne) {
  FixtureHost host("000-second-slot");
  host.tree.pci("0000:08:00.0", {{"id", "144d:a808"}, {"class", "010802"}, {"group", "20"}, {"under", "0000:00:03.1"}});
  const Sysfs sysfs(host.host);
  const auto pci = host.view().pci;
  EXPECT_THAT(system::better_slots(sysfs, pci, *pci.find("0000:04:00.0")), IsEmpty());
}

TEST(Groups, ASlotHasItsName) {
  FixtureHost host("000-second-slot");
  host.tree.pci("0000:08:00.0", {{"id", "10de:1287"}, {"class", "030000"}, {"group", "20"}, {"under", "0000:00:03.1"}});
  host.tree.file("sys/bus/pci/slots/3/address", "0000:08:00\n");
  const Sysfs sysfs(host.host);
  const auto pci = host.view().pci;
  const auto slots = system::better_slots(sysfs, pci, *pci.find("0000:04:00.0"));
  ASSERT_EQ(slots.size(), 1u);
  EXPECT_EQ(slots[0].name, "3");
}

TEST(KernelParameters, AreSplitAsTheKernelDoes) {
  const system::KernelParameters all(
      "quiet  root=UUID=a-b dyndbg=\"file a.c +p\" \"pci=nomsi,noaer\" vfio_pci.ids=1:2 pci=nocrs x= -- single "
      "pci=late\n");
  ASSERT_EQ(all.all().size(), 7u);
  EXPECT_FALSE(all.find("quiet")->value);
  EXPECT_EQ(all.find("root")->value, "UUID=a-b");
  EXPECT_EQ(all.find("dyndbg")->value, "file a.c +p");
  ASSERT_TRUE(all.find("vfio-pci.ids"));
  EXPECT_EQ(all.find("vfio-pci.ids")->value, "1:2");
  EXPECT_EQ(all.find("pci")->value, "nocrs");
  EXPECT_EQ(all.with("pci", "noaer")->text, "\"pci=nomsi,noaer\"");
  EXPECT_FALSE(all.with("pci", "late"));
  EXPECT_FALSE(all.with("pci", "nom"));
  EXPECT_EQ(all.find("x")->value, "");
  EXPECT_FALSE(all.find("single"));
  EXPECT_THAT(system::KernelParameters("\"").all(), IsEmpty());
}

TEST(KernelLog, TimesLevelsAndLineEnds) {
  EXPECT_THAT(system::dmesg_lines("[    0.018093] DMAR: IOMMU enabled\r\n<6>[    1.0] kvm: x\n\nno time\n[bare"),
              ElementsAre("DMAR: IOMMU enabled", "kvm: x", "no time", "[bare"));
}

TEST(KernelLog, OneThatIsNotThere) {
  const FixtureHost host;
  const auto log = system::read_kernel_log(host.host);
  EXPECT_EQ(log.source, "/var/log/dmesg");
  EXPECT_THAT(log.problem, Not(IsEmpty()));
  EXPECT_FALSE(log.whole);
}

TEST(BootSetup, OfDistributions) {
  struct Known {
    const char* host;
    system::InitramfsTool initramfs;
    const char* update;
  };
  for (const auto& known : {Known{"001-rtx2080ti-frozen", system::InitramfsTool::initramfs_tools, "update-grub"},
                            Known{"002-gtx1060-laptop", system::InitramfsTool::mkinitcpio, "update-grub"},
                            Known{"004-rx460-manjaro", system::InitramfsTool::mkinitcpio, "grub-mkconfig"}}) {
    const auto setup = system::boot_setup_of(FixtureHost(known.host).host);
    EXPECT_EQ(setup.initramfs, known.initramfs) << known.host;
    EXPECT_EQ(setup.loader, system::BootLoader::grub);
    EXPECT_EQ(setup.update_parameters.front(), known.update);
  }
}

TEST(BootSetup, ProxmoxSystemdBootAndNothing) {
  const FixtureHost proxmox;
  proxmox.tree.file("etc/os-release", "ID=debian\n");
  proxmox.tree.file("etc/default/grub", "");
  proxmox.tree.file("etc/kernel/cmdline", "root=ZFS=rpool/ROOT/pve-1\n");
  proxmox.tree.file("etc/kernel/proxmox-boot-uuids", "1234-ABCD\n");
  EXPECT_EQ(system::boot_setup_of(proxmox.host).loader, system::BootLoader::proxmox_boot_tool);
  EXPECT_EQ(
      system::how_to_add(system::boot_setup_of(proxmox.host), "iommu=pt"),
      "add iommu=pt to the kernel's parameters in /etc/kernel/cmdline, then proxmox-boot-tool refresh and reboot");

  const FixtureHost arch;
  arch.tree.file("etc/os-release", "ID=arch\n");
  arch.tree.file("etc/mkinitcpio.conf", "");
  arch.tree.file("boot/loader/entries/b.conf", "");
  arch.tree.file("boot/loader/entries/a.conf", "");
  const auto setup = system::boot_setup_of(arch.host);
  EXPECT_EQ(setup.loader, system::BootLoader::systemd_boot);
  EXPECT_EQ(setup.parameters_file, "/boot/loader/entries/a.conf");
  EXPECT_EQ(system::how_to_remove(setup, "quiet"),
            "take quiet out of the kernel's parameters in /boot/loader/entries/a.conf, then reboot");

  const FixtureHost nothing;
  EXPECT_EQ(system::boot_setup_of(nothing.host).loader, system::BootLoader::none);
  EXPECT_EQ(system::boot_setup_of(nothing.host).initramfs, system::InitramfsTool::none);
  EXPECT_EQ(system::how_to_add(system::boot_setup_of(nothing.host), "a=b"),
            "add a=b to the kernel's parameters, then reboot");
}

TEST(BootSetup, FedoraHasDracutAndGrub2) {
  const FixtureHost host;
  host.tree.file("etc/os-release", "ID=fedora\n");
  host.tree.file("etc/default/grub", "");
  host.tree.file("usr/bin/dracut", "");
  host.tree.file("boot/loader/entries/x.conf", "");
  const auto setup = system::boot_setup_of(host.host);
  EXPECT_EQ(setup.initramfs, system::InitramfsTool::dracut);
  EXPECT_THAT(setup.update_parameters, ElementsAre("grub2-mkconfig", "-o", "/boot/grub2/grub.cfg"));
}

TEST(Display, DrmCardsAndWhatIsPluggedIn) {
  FixtureHost host("003-rtx2080ti-debian");
  host.tree.link("sys/class/drm/card0", "../../devices/pci0000:00/0000:00:02.0/drm/card0");
  host.tree.dir("sys/devices/pci0000:00/0000:00:02.0/drm/card0");
  host.tree.link("sys/devices/pci0000:00/0000:00:02.0/drm/card0/device", "../..");
  host.tree.file("sys/class/drm/card0-HDMI-A-1/status", "connected\n");
  host.tree.file("sys/class/drm/card0-DP-1/status", "disconnected\n");
  host.tree.file("sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n");
  host.tree.file("sys/class/vtconsole/vtcon1/bind", "1\n");
  const auto view = host.view();
  ASSERT_EQ(view.display.cards.size(), 1u);
  EXPECT_EQ(view.display.cards[0].address, "0000:00:02.0");
  EXPECT_EQ(view.display.cards[0].driver, "i915");
  EXPECT_THAT(view.display.cards[0].connected, ElementsAre("HDMI-A-1"));
  EXPECT_TRUE(view.display.display_elsewhere(*view.pci.find("0000:01:00.0")));
  EXPECT_FALSE(view.display.display_elsewhere(*view.pci.find("0000:00:02.0")));
  ASSERT_EQ(view.display.consoles.size(), 1u);
  EXPECT_TRUE(view.display.consoles[0].bound);
  EXPECT_EQ(view.display.boot_vga, "0000:00:02.0");
  host.tree.file("sys/class/drm/card0-HDMI-A-1/status", "disconnected\n");
  EXPECT_FALSE(host.view().display.display_elsewhere(*view.pci.find("0000:01:00.0")));
}

TEST(Chips, CardsThatPeopleHave) {
  EXPECT_EQ(system::chip_text(0x1bb3, 0x11d8), "Tesla P4 (GP104, Pascal)");
  EXPECT_EQ(system::chip_of(0x1bb3)->last_branch, 580u);
  EXPECT_EQ(system::chip_of(0x1bb3)->last_vgpu, 535u);
  EXPECT_FALSE(system::chip_of(0x1bb3)->open_modules);
  EXPECT_EQ(system::chip_of(0x1287)->last_branch, 470u);
  EXPECT_EQ(system::chip_of(0x0ff2)->last_branch, 367u);
  EXPECT_EQ(system::chip_of(0x1db6)->last_branch, 580u);
  EXPECT_EQ(system::chip_of(0x1eb8)->last_branch, 0u);
  EXPECT_TRUE(system::chip_of(0x1e04)->open_modules);
  EXPECT_FALSE(system::chip_of(0x2bb1)->closed_modules);
  EXPECT_EQ(system::card_name(0x1e30, 0x129e), "Quadro RTX 8000");
  EXPECT_EQ(system::card_name(0x1e30, 0x12ba), "Quadro RTX 6000");
  EXPECT_TRUE(system::has_vgpus(0x1eb8));
  EXPECT_FALSE(system::has_vgpus(0x1e04));
  EXPECT_FALSE(system::chip_of(0x1abc));
  EXPECT_EQ(system::chip_text(0x1ad7, 0), "an NVIDIA card that is not in vgpukit's list (10de:1ad7)");
}

TEST(Report, NamesNobody) {
  EXPECT_EQ(doctor::redacted("root=UUID=5d1c4f4e-0a77-4d3e-9a3b-b8f1f5b2c0aa ro cryptdevice=/dev/sda2:home quiet"),
            "root=*** ro cryptdevice=*** quiet");
  EXPECT_EQ(doctor::redacted("eth0: 52:54:00:12:34:56 at 192.168.1.7, GPU-1f0e2d3c-0000-4000-8000-000000000001"),
            "eth0: *** at ***, GPU-***");
  EXPECT_EQ(doctor::redacted("0000:01:00.0 10de:1e04 6.12.9"), "0000:01:00.0 10de:1e04 6.12.9");
  const FixtureHost host("001-rtx2080ti-frozen");
  const auto text = doctor::host_report(host.view(), host.run());
  EXPECT_THAT(text, Not(HasSubstr("ubuntu--vg")));
  EXPECT_THAT(text, Not(HasSubstr("buildd")));
  EXPECT_THAT(text, HasSubstr("fail  display.framebuffer 0000:83:00.0"));
  EXPECT_THAT(text, HasSubstr("vgaarb: changed VGA decodes"));
  EXPECT_THAT(text, HasSubstr("0000:83:00.0 (NVIDIA VGA controller 10de:1e04), GeForce RTX 2080 Ti (TU102, Turing), "
                              "driver vfio-pci, group 73"));
}

}  // namespace
}  // namespace vgpukit::test
