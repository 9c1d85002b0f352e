#include "system/boot_setup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/text.hpp"
#include "system/cpio.hpp"
#include "system/fixture_host.hpp"

namespace vgpukit::system {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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
  EXPECT_EQ(boot_setup_of(proxmox.host).loader, BootLoader::none);
  EXPECT_THAT(boot_setup_of(proxmox.host).refusal, HasSubstr("GRUB: /etc/default/grub; systemd-boot: "));
  proxmox.tree.file("proc/cmdline", "initrd=\\EFI\\proxmox\\6.8\\initrd.img-6.8 root=ZFS=rpool/ROOT/pve-1\n");
  EXPECT_EQ(boot_setup_of(proxmox.host).loader, BootLoader::systemd_boot);
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
  EXPECT_EQ(setup.place, ParameterPlace::grubby);
  EXPECT_EQ(how_to_add(setup, "iommu=pt"), "grubby --update-kernel=ALL --args=iommu=pt, then reboot");
  host.tree.file("etc/default/grub", "GRUB_ENABLE_BLSCFG=false\n");
  EXPECT_THAT(boot_setup_of(host.host).update_parameters, ElementsAre("grub2-mkconfig", "-o", "/boot/grub2/grub.cfg"));
}

struct Booted {
  const char* host;
  BootLoader loader;
  const char* file;    // with the parameters
  const char* update;  // the command after a change of it
  InitramfsTool initramfs;
  const char* update_initramfs;
};

TEST(BootSetup, WhatBootedDecides) {
  using Tool = InitramfsTool;
  for (const auto& booted : {
           Booted{"pve-zfs-grub", BootLoader::grub, "/etc/default/grub", "proxmox-boot-tool refresh",
                  Tool::initramfs_tools, "update-initramfs -u -k all"},
           Booted{"pve-systemd-boot", BootLoader::systemd_boot, "/etc/kernel/cmdline", "proxmox-boot-tool refresh",
                  Tool::initramfs_tools, "update-initramfs -u -k all"},
           Booted{"cachyos-limine", BootLoader::limine, "/etc/default/limine", "limine-mkinitcpio", Tool::mkinitcpio,
                  "limine-mkinitcpio"},
           Booted{"cachyos-limine-amd", BootLoader::limine, "/etc/default/limine", "limine-mkinitcpio",
                  Tool::mkinitcpio, "limine-mkinitcpio"},
           Booted{"arch-limine", BootLoader::limine, "/boot/limine/limine.conf", "", Tool::mkinitcpio, "mkinitcpio -P"},
           Booted{"fedora", BootLoader::grub, "", "grubby --update-kernel=ALL", Tool::dracut,
                  "dracut --force --regenerate-all"},
           Booted{"rhel9", BootLoader::grub, "", "grubby --update-kernel=ALL", Tool::dracut,
                  "dracut --force --regenerate-all"},
           Booted{"arch-booster", BootLoader::systemd_boot, "/boot/loader/entries/arch.conf", "", Tool::booster,
                  "/usr/lib/booster/regenerate_images"},
           Booted{"arch-grub-leftover", BootLoader::systemd_boot, "/boot/loader/entries/arch.conf", "",
                  Tool::mkinitcpio, "mkinitcpio -P"},
           Booted{"arch-uki", BootLoader::systemd_boot, "/etc/kernel/cmdline", "mkinitcpio -P", Tool::mkinitcpio,
                  "mkinitcpio -P"},
           Booted{"arch-uki-firmware", BootLoader::firmware, "/etc/cmdline.d/zz-quiet.conf", "mkinitcpio -P",
                  Tool::mkinitcpio, "mkinitcpio -P"},
           Booted{"fedora-uki-dracut", BootLoader::systemd_boot, "/etc/dracut.conf.d/vgpukit-passthrough-cmdline.conf",
                  "dracut --force --regenerate-all", Tool::dracut, "dracut --force --regenerate-all"},
           Booted{"fedora-uki-ukify", BootLoader::systemd_boot, "/etc/kernel/cmdline", "kernel-install add-all",
                  Tool::dracut, "kernel-install add-all"},
           Booted{"arch-refind", BootLoader::refind, "/boot/refind_linux.conf", "", Tool::mkinitcpio, "mkinitcpio -P"},
           Booted{"opensuse-grub", BootLoader::grub, "/etc/default/grub", "grub2-mkconfig -o /boot/grub2/grub.cfg",
                  Tool::dracut, "dracut --force --regenerate-all"},
           Booted{"opensuse-sdboot", BootLoader::systemd_boot, "/etc/kernel/cmdline", "sdbootutil update-all-entries",
                  Tool::dracut, "sdbootutil mkinitrd"},
       }) {
    const auto setup = boot_setup_of(test::FixtureHost(booted.host).host);
    EXPECT_EQ(setup.refusal, "") << booted.host;
    EXPECT_EQ(loader_name(setup.loader), std::string(loader_name(booted.loader))) << booted.host;
    EXPECT_EQ(setup.parameters_file, booted.file) << booted.host;
    EXPECT_EQ(join(setup.update_parameters, " "), booted.update) << booted.host;
    EXPECT_EQ(tool_name(setup.initramfs), std::string(tool_name(booted.initramfs))) << booted.host;
    EXPECT_EQ(join(setup.update_initramfs, " "), booted.update_initramfs) << booted.host;
    EXPECT_FALSE(setup.loader_facts.empty()) << booted.host;
    EXPECT_FALSE(setup.initramfs_facts.empty()) << booted.host;
  }
}

TEST(BootSetup, RefusedWithTheFacts) {
  struct Refused {
    const char* host;
    std::vector<const char*> facts;
    const char* add;  // how doctor says it
  };
  for (const auto& refused : {
           Refused{
               "kinoite", {"rpm-ostree", "ostree=/ostree/boot.1"}, "rpm-ostree kargs --append=iommu=pt, then reboot"},
           Refused{"bootc", {"bootc", "ostree=/ostree/boot.0"}, "/usr/lib/bootc/kargs.d"},
           Refused{"nixos", {"NixOS", "ID=nixos"}, "boot.kernelParams in /etc/nixos/configuration.nix"},
           Refused{"two-loaders", {"/etc/default/grub", "/boot/efi/loader/entries/", "/proc/cmdline is empty"}, "add"},
           Refused{"contradiction", {"LoaderInfo: systemd-boot 257", "BOOT_IMAGE=/vmlinuz-6.12.9"}, "add"},
       }) {
    const auto setup = boot_setup_of(test::FixtureHost(refused.host).host);
    for (const auto* fact : refused.facts) EXPECT_THAT(setup.refusal, HasSubstr(fact)) << refused.host;
    EXPECT_NE(setup.refusal_next, "") << refused.host;
    EXPECT_THAT(how_to_add(setup, "iommu=pt"), HasSubstr(refused.add)) << refused.host;
  }
}

TEST(BootSetup, LeftoversOfGrubDoNotMatterForLimine) {
  const test::FixtureHost host("cachyos-limine");
  host.tree.file("etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n");
  EXPECT_EQ(boot_setup_of(host.host).loader, BootLoader::limine);
  fs::remove(host.host.in_root("/boot/limine.conf"));
  EXPECT_THAT(boot_setup_of(host.host).refusal, HasSubstr("is not mounted"));
}

TEST(BootSetup, AnEspThatIsNotMounted) {
  for (const auto* name : {"arch-uki", "arch-grub-leftover", "arch-limine", "arch-booster"}) {
    const test::FixtureHost host(name);
    fs::remove_all(host.host.in_root("/boot"));
    const auto setup = boot_setup_of(host.host);
    EXPECT_THAT(setup.refusal, HasSubstr("the EFI system partition is not mounted")) << name;
    EXPECT_THAT(setup.refusal_next, HasSubstr("mount it")) << name;
  }
}

TEST(BootSetup, InitrdOfTheStubContradictsGrubsFiles) {
  const test::FixtureHost host("arch-grub-leftover");
  fs::remove_all(host.host.in_root("/boot/loader"));
  fs::remove_all(host.host.in_root("/sys/firmware"));
  EXPECT_THAT(boot_setup_of(host.host).refusal, HasSubstr("initrd=\\initramfs-linux.img"));
}

TEST(BootSetup, BootImageThatWasCopiedIntoAnEntryIsNotGrub) {
  const test::FixtureHost host("arch-grub-leftover");
  host.tree.file("boot/loader/entries/arch.conf",
                 "title Arch\nlinux /vmlinuz-linux\noptions BOOT_IMAGE=/vmlinuz root=x\n");
  host.tree.file("proc/cmdline", "initrd=\\initramfs-linux.img BOOT_IMAGE=/vmlinuz root=x\n");
  EXPECT_EQ(boot_setup_of(host.host).loader, BootLoader::systemd_boot);
  EXPECT_EQ(boot_setup_of(host.host).refusal, "");
}

TEST(BootSetup, VariablesThatCannotBeReadAreSaid) {
  const test::FixtureHost host("pve-zfs-grub");
  host.tree.file("sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", "\x06");
  const auto setup = boot_setup_of(host.host);
  EXPECT_EQ(setup.loader, BootLoader::grub);
  EXPECT_THAT(facts_text(setup.loader_facts), HasSubstr("it is cut off"));
}

TEST(BootSetup, ABrokenUnifiedImageIsNamed) {
  for (const auto* bytes : {"", "MZ", "MZ and no header at all, but long enough to have the sixty-four bytes"}) {
    const test::FixtureHost host("arch-uki");
    host.tree.file("boot/EFI/Linux/arch-linux.efi", bytes);
    const auto setup = boot_setup_of(host.host);
    EXPECT_THAT(setup.refusal, HasSubstr("/boot/EFI/Linux/arch-linux.efi")) << bytes;
    EXPECT_THAT(setup.refusal, HasSubstr("its PE header is broken")) << bytes;
  }
}

TEST(BootSetup, TheImageOfGrubsEntryInASubvolume) {
  const test::FixtureHost host("arch-grub-leftover");
  fs::remove_all(host.host.in_root("/boot/loader"));
  fs::remove_all(host.host.in_root("/sys/firmware"));
  host.tree.file("proc/cmdline", "BOOT_IMAGE=/@/boot/vmlinuz-linux root=UUID=1 rw rootflags=subvol=@ typed-by-hand\n");
  host.tree.file("boot/grub/grub.cfg",
                 "menuentry 'Other' {\n linux /@/boot/vmlinuz-lts root=UUID=1 rw\n initrd /@/boot/booster-lts.img\n}\n"
                 "menuentry 'Arch' {\n linux /@/boot/vmlinuz-linux root=UUID=1 rw\n initrd /@/boot/a.img\n}\n");
  host.tree.file("boot/a.img", test::cpio_of({{"etc/booster.init.yaml", ""}}));
  const auto setup = boot_setup_of(host.host);
  EXPECT_EQ(setup.loader, BootLoader::grub);
  EXPECT_EQ(setup.initramfs, InitramfsTool::booster);
  EXPECT_THAT(facts_text(setup.initramfs_facts), HasSubstr("/boot/a.img has the file etc/booster.init.yaml"));
}

TEST(BootSetup, TheImageItselfSaysWhoMadeIt) {
  const test::FixtureHost host("arch-grub-leftover");
  host.tree.file("boot/initramfs-linux.img", test::cpio_of({{"kernel/x86/microcode/GenuineIntel.bin", ""}}) +
                                                 test::cpio_of({{"bin", ""}, {"etc/booster.init.yaml", ""}}));
  EXPECT_EQ(boot_setup_of(host.host).initramfs, InitramfsTool::booster);
  host.tree.file("boot/initramfs-linux.img", test::cpio_of({{"early_cpio", ""}}));
  EXPECT_EQ(boot_setup_of(host.host).initramfs, InitramfsTool::dracut);
  const test::FixtureHost booster("arch-booster");
  booster.tree.file("boot/booster-linux.img", test::cpio_of({{"buildconfig", ""}}));
  EXPECT_THAT(boot_setup_of(booster.host).refusal, HasSubstr("the evidence about the initramfs contradicts itself"));
}

}  // namespace
}  // namespace vgpukit::system
