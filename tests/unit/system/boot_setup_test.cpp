#include "system/boot_setup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/fixture_host.hpp"

namespace vgpukit::system {
namespace {

using testing::ElementsAre;

TEST(BootSetup, OfDistributions) {
  struct Known {
    const char* host;
    InitramfsTool initramfs;
    const char* update;
  };
  for (const auto& known : {Known{"001-rtx2080ti-frozen", InitramfsTool::initramfs_tools, "update-grub"},
                            Known{"002-gtx1060-laptop", InitramfsTool::mkinitcpio, "update-grub"},
                            Known{"004-rx460-manjaro", InitramfsTool::mkinitcpio, "grub-mkconfig"}}) {
    const auto setup = boot_setup_of(test::FixtureHost(known.host).host);
    EXPECT_EQ(setup.initramfs, known.initramfs) << known.host;
    EXPECT_EQ(setup.loader, BootLoader::grub);
    EXPECT_EQ(setup.update_parameters.front(), known.update);
  }
}

TEST(BootSetup, ProxmoxSystemdBootAndNothing) {
  const test::FixtureHost proxmox;
  proxmox.tree.file("etc/os-release", "ID=debian\n");
  proxmox.tree.file("etc/default/grub", "");
  proxmox.tree.file("etc/kernel/cmdline", "root=ZFS=rpool/ROOT/pve-1\n");
  proxmox.tree.file("etc/kernel/proxmox-boot-uuids", "1234-ABCD\n");
  EXPECT_EQ(boot_setup_of(proxmox.host).loader, BootLoader::proxmox_boot_tool);
  EXPECT_EQ(
      how_to_add(boot_setup_of(proxmox.host), "iommu=pt"),
      "add iommu=pt to the kernel's parameters in /etc/kernel/cmdline, then proxmox-boot-tool refresh and reboot");

  const test::FixtureHost arch;
  arch.tree.file("etc/os-release", "ID=arch\n");
  arch.tree.file("etc/mkinitcpio.conf", "");
  arch.tree.file("boot/loader/entries/b.conf", "");
  arch.tree.file("boot/loader/entries/a.conf", "");
  const auto setup = boot_setup_of(arch.host);
  EXPECT_EQ(setup.loader, BootLoader::systemd_boot);
  EXPECT_EQ(setup.parameters_file, "/boot/loader/entries/a.conf");
  EXPECT_EQ(how_to_remove(setup, "quiet"),
            "remove quiet from the kernel's parameters in /boot/loader/entries/a.conf, then reboot");

  const test::FixtureHost nothing;
  EXPECT_EQ(boot_setup_of(nothing.host).loader, BootLoader::none);
  EXPECT_EQ(boot_setup_of(nothing.host).initramfs, InitramfsTool::none);
  EXPECT_EQ(how_to_add(boot_setup_of(nothing.host), "a=b"), "add a=b to the kernel's parameters, then reboot");
}

TEST(BootSetup, FedoraHasDracutAndGrub2) {
  const test::FixtureHost host;
  host.tree.file("etc/os-release", "ID=fedora\n");
  host.tree.file("etc/default/grub", "");
  host.tree.file("usr/bin/dracut", "");
  host.tree.file("boot/loader/entries/x.conf", "");
  const auto setup = boot_setup_of(host.host);
  EXPECT_EQ(setup.initramfs, InitramfsTool::dracut);
  EXPECT_THAT(setup.update_parameters, ElementsAre("grub2-mkconfig", "-o", "/boot/grub2/grub.cfg"));
}

}  // namespace
}  // namespace vgpukit::system
