// Each seed's host: doctor finds what its author found after days, and nothing else; the checks one by one, with what
// they are given changed.
#include "doctor/doctor.hpp"

#include <gmock/gmock.h>

#include "doctor/doctor_host.hpp"

namespace vgpukit::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

doctor::Finding only(const doctor::Findings& findings) {
  EXPECT_EQ(findings.size(), 1u);
  if (!findings.empty()) return findings.front();
  doctor::Finding none;  // what the tests look into
  none.evidence.emplace_back();
  return none;
}

TEST(Doctor, AHealthyHostHasNothing) {
  const FixtureHost host("healthy");
  EXPECT_THAT(host.trouble(), IsEmpty());
  EXPECT_GT(host.run().size(), 8u);
}

TEST(Doctor, Seed000TheSlotOfTheProcessorIsFine) {
  EXPECT_THAT(FixtureHost("000-tesla-p4").trouble(), IsEmpty());
}

TEST(Doctor, Seed000TheOtherSlotSharesItsGroup) {
  const FixtureHost host("000-second-slot");
  EXPECT_THAT(host.trouble(), ElementsAre("warn card.group 0000:04:00.0"));
  const auto finding = only(host.run(doctor::check::card_group));
  EXPECT_THAT(finding.what, HasSubstr("group 15 with 3 other devices"));
  EXPECT_THAT(finding.next, HasSubstr("the slot behind 0000:00:03.1"));
  ASSERT_EQ(finding.evidence.size(), 4u);
  EXPECT_THAT(finding.evidence[2].value, HasSubstr("SATA controller 1022:43eb): a disk may be on it"));
}

TEST(Doctor, Seed000OneDriverForBothCards) {
  const FixtureHost host("000-two-cards");
  EXPECT_THAT(host.trouble(), ElementsAre("warn display.boot-vga 0000:03:00.0", "warn cards.one-driver"));
  const auto finding = only(host.run(doctor::check::cards_one_driver));
  EXPECT_THAT(finding.what, HasSubstr("no driver newer than 470"));
  EXPECT_THAT(finding.evidence.front().value, HasSubstr("GeForce GT 730 (GK208, Kepler)"));
}

TEST(Doctor, Seed001WhyTheHostFrozeAndWhyItIsSlow) {
  const FixtureHost host("001-rtx2080ti-frozen");
  EXPECT_THAT(host.trouble(),
              ElementsAre("fail parameters.harmful", "fail parameters.harmful", "warn parameters.harmful",
                          "warn parameters.harmful", "warn display.boot-vga 0000:83:00.0",
                          "fail display.framebuffer 0000:83:00.0", "fail card.functions 0000:83:00.2"));
  const auto framebuffer = only(host.run(doctor::check::display_framebuffer));
  EXPECT_EQ(framebuffer.what, "the firmware's framebuffer (efifb) holds the card's memory");
  EXPECT_THAT(framebuffer.next,
              HasSubstr("add video=efifb:off to GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, then update-grub"));
  ASSERT_EQ(framebuffer.evidence.size(), 2u);
  EXPECT_THAT(framebuffer.evidence[1].value, HasSubstr("vgaarb: changed VGA decodes"));
  EXPECT_THAT(only(host.run(doctor::check::display_boot_vga)).next, HasSubstr("set the primary display to onboard"));
  EXPECT_THAT(only(host.run(doctor::check::card_functions)).what,
              HasSubstr("USB controller still belongs to xhci_hcd"));
  const auto harmful = host.run(doctor::check::parameters_harmful);
  EXPECT_THAT(harmful.front().next, HasSubstr("take pci=nomsi out of GRUB_CMDLINE_LINUX_DEFAULT"));
}

TEST(Doctor, Seed002TheHost) {
  EXPECT_THAT(FixtureHost("002-gtx1060-laptop").trouble(), ElementsAre("fail card.driver 0000:01:00.0"));
}

TEST(Doctor, Seed002TheGuestSaysWhichRomIsMissing) {
  const FixtureHost host("002-gtx1060-guest");
  EXPECT_THAT(host.trouble(doctor::guest_checks()),
              ElementsAre("fail guest.vbios", "warn guest.msi", "fail guest.init", "warn guest.hidden"));
  const auto vbios = only(host.run(doctor::check::guest_vbios));
  EXPECT_THAT(vbios.next, HasSubstr("passthrough rom"));
  EXPECT_THAT(vbios.evidence.front().value, HasSubstr("GPU 0000:07:00.0: Failed to copy vbios to system memory."));
  EXPECT_THAT(only(host.run(doctor::check::guest_init)).next, HasSubstr("guest.vbios"));
  EXPECT_THAT(only(host.run(doctor::check::guest_hidden)).next, HasSubstr("--guest-driver 450.66"));
}

TEST(Doctor, Seed003NouveauHasTheCard) {
  const FixtureHost host("003-rtx2080ti-debian");
  EXPECT_THAT(host.trouble(), ElementsAre("fail card.driver 0000:01:00.0"));
  // The root port in the group is no stranger.
  EXPECT_EQ(only(host.run(doctor::check::card_group)).state, doctor::State::ok);
}

TEST(Doctor, Seed003BeforeItsFirstStep) {
  const FixtureHost host("003-without-iommu");
  EXPECT_THAT(host.trouble(), ElementsAre("fail iommu.on", "fail card.driver 0000:01:00.0"));
  EXPECT_THAT(only(host.run(doctor::check::iommu_on)).next,
              HasSubstr("add intel_iommu=on to GRUB_CMDLINE_LINUX_DEFAULT"));
}

TEST(Doctor, Seed004TheParameterThatDoesNothing) {
  const FixtureHost host("004-rx460-manjaro");
  EXPECT_THAT(host.trouble(), ElementsAre("warn parameters.useless", "warn cards.here"));
  const auto useless = only(host.run(doctor::check::parameters_useless));
  EXPECT_THAT(useless.evidence.back().value, HasSubstr("Unknown option"));
  EXPECT_THAT(useless.next, HasSubstr("grub-mkconfig -o /boot/grub/grub.cfg"));
}

TEST(Doctor, Seed004TheIdOfTheMaker) {
  const FixtureHost host("004-maker-id");
  EXPECT_THAT(host.trouble(), ElementsAre("warn parameters.useless", "warn cards.here", "fail vfio.ids 0000:01:00.0"));
  EXPECT_THAT(only(host.run(doctor::check::vfio_ids)).next, HasSubstr("write 1002:67ef instead"));
}

TEST(Check, NothingAtAllIsSaidToBeUnknownAndNotFine) {
  const FixtureHost host;
  const auto trouble = host.trouble();
  EXPECT_THAT(trouble, Contains("unknown cpu.virtualization"));
  EXPECT_THAT(trouble, Contains("unknown kernel.config"));
  EXPECT_THAT(trouble, Contains("warn cards.here"));
}

TEST(Check, AProcessorWithoutVirtualization) {
  const FixtureHost host("healthy");
  host.tree.file("proc/cpuinfo", "vendor_id : AuthenticAMD\nflags\t\t: fpu svm_lock lm\n");
  const auto finding = only(host.run(doctor::check::cpu_virtualization));
  EXPECT_EQ(finding.state, doctor::State::fail);
  EXPECT_THAT(finding.next, HasSubstr("SVM"));
}

TEST(Check, KvmIsNotLoadedBecauseTheFirmwareForbidsIt) {
  const FixtureHost host("healthy");
  fs::remove_all(host.folder / "sys/module/kvm_intel");
  fs::remove(host.folder / "dev/kvm");
  EXPECT_EQ(only(host.run(doctor::check::cpu_kvm)).next, "modprobe kvm_intel");
  host.tree.file("var/log/dmesg", "[    1.0] kvm: disabled by bios\n");
  EXPECT_THAT(only(host.run(doctor::check::cpu_kvm)).next, HasSubstr("VT-x in the firmware"));
}

TEST(Check, AnIommuThatIsOnWithWhatSwitchedItOn) {
  const auto finding = only(FixtureHost("healthy").run(doctor::check::iommu_on));
  ASSERT_EQ(finding.evidence.size(), 4u);
  EXPECT_EQ(finding.evidence[1].value, "DMAR: IOMMU enabled");
  EXPECT_EQ(finding.evidence[2].value, "intel_iommu=on");
  EXPECT_EQ(finding.evidence[3].value, "iommu=pt");
}

TEST(Check, AnIommuThatAParameterSwitchesOff) {
  const FixtureHost host("003-without-iommu");
  host.tree.file("proc/cmdline", "quiet intel_iommu=on,off\n");
  const auto finding = only(host.run(doctor::check::iommu_on));
  EXPECT_THAT(finding.next, HasSubstr("take intel_iommu=on,off out of"));
}

TEST(Check, AnIommuThatTheFirmwareDoesNotOffer) {
  const FixtureHost host("003-without-iommu");
  fs::remove(host.folder / "sys/firmware/acpi/tables/DMAR");
  EXPECT_THAT(only(host.run(doctor::check::iommu_on)).next,
              HasSubstr("switch on VT-d in the firmware's setup; then add intel_iommu=on"));
}

TEST(Check, WhatTheLogNoLongerHasIsUnknown) {
  const FixtureHost host("healthy");
  host.tree.file("var/log/dmesg", "[ 900.0] something late\n");
  EXPECT_EQ(only(host.run(doctor::check::iommu_remapping)).state, doctor::State::unknown);
  host.tree.file("var/log/dmesg", "[ 0.0] Linux version 6.12\n");
  EXPECT_EQ(only(host.run(doctor::check::iommu_remapping)).state, doctor::State::warn);
}

TEST(Check, SimpledrmDoesNotHeedEfifb) {
  const FixtureHost host("001-rtx2080ti-frozen");
  fs::remove_all(host.folder / "sys/bus/platform");
  host.tree.file("proc/iomem",
                 "00000000-00000000 : 0000:83:00.0\n  00000000-00000000 : BOOTFB\n    00000000-00000000 : simpledrm\n");
  host.tree.link("sys/bus/platform/drivers/simple-framebuffer/simple-framebuffer.0",
                 "../../../../devices/platform/simple-framebuffer.0");
  host.tree.dir("sys/bus/platform/devices/simple-framebuffer.0/drm");
  host.tree.file("proc/cmdline", "video=efifb:off\n");
  const auto finding = only(host.run(doctor::check::display_framebuffer));
  EXPECT_THAT(finding.what, HasSubstr("(simpledrm) holds"));
  EXPECT_THAT(finding.why, HasSubstr("video=efifb:off is there, but simpledrm does not heed it"));
  EXPECT_THAT(finding.next, HasSubstr("initcall_blacklist=simpledrm_platform_driver_init"));
}

TEST(Check, AFramebufferOnAnotherCardIsFine) {
  const FixtureHost host("001-rtx2080ti-frozen");
  host.tree.file("proc/iomem", "0-0 : PCI Bus 0000:0a\n  0-0 : 0000:0a:00.0\n    0-0 : efifb\n");
  EXPECT_THAT(host.run(doctor::check::display_framebuffer), IsEmpty());
  host.tree.file("proc/iomem", "0-0 : 0000:0a:00.0\n  0-0 : BOOTFB\n");
  EXPECT_THAT(host.run(doctor::check::display_framebuffer), IsEmpty());
}

TEST(Check, ALineOfTheLogAboutTheSameSlotOfAnotherDomainIsNoEvidence) {
  const FixtureHost host("001-rtx2080ti-frozen");
  host.tree.file("var/log/dmesg", "[ 1.0] vfio-pci 10000:83:00.0: BAR 0: can't reserve [mem 0xc0000000-0xc0ffffff]\n");
  EXPECT_EQ(only(host.run(doctor::check::display_framebuffer)).evidence.size(), 1u);
}

TEST(Check, ADriverThatIsTooNewForTheCard) {
  FixtureHost host("healthy");
  host.tree.file("sys/module/nvidia/version", "590.48.01\n");
  const auto finding = only(host.run(doctor::check::card_branch));
  EXPECT_EQ(finding.state, doctor::State::fail);
  EXPECT_THAT(finding.what, HasSubstr("Tesla P4 (GP104, Pascal) is too old for the driver 590.48.01"));
  EXPECT_THAT(finding.next, HasSubstr("branch 580"));
}

TEST(Check, OpenModulesNeedTuring) {
  FixtureHost host("healthy");
  host.tree.file("proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.247.02\n");
  EXPECT_THAT(only(host.run(doctor::check::card_branch)).what, HasSubstr("too old for the open kernel modules"));
}

TEST(Check, ACardThatIsNotInTheList) {
  FixtureHost host("000-tesla-p4");
  host.tree.file("sys/bus/pci/devices/0000:07:00.0/device", "0x1abc\n");
  const auto finding = only(host.run(doctor::check::card_branch));
  EXPECT_EQ(finding.state, doctor::State::unknown);
  EXPECT_THAT(finding.what, HasSubstr("not in vgpukit's list (10de:1abc)"));
}

TEST(Check, NovaCoreIsNoDriverForThis) {
  FixtureHost host("003-rtx2080ti-debian");
  host.tree.link("sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/driver", "../../../../bus/pci/drivers/NovaCore");
  EXPECT_THAT(only(host.run(doctor::check::card_driver)).next, HasSubstr("blacklist nova_core"));
  host.tree.link("sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/driver", "../../../../bus/pci/drivers/nova_core");
  EXPECT_THAT(only(host.run(doctor::check::card_driver)).next, HasSubstr("blacklist nova_core"));
}

TEST(Check, IdsThatTakeTwoCards) {
  FixtureHost host("003-rtx2080ti-debian");
  host.tree.pci("0000:02:00.0", {{"id", "10de:1e04"}, {"class", "030000"}, {"group", "9"}});
  host.tree.file("etc/modprobe.d/vfio.conf",
                 "# options vfio-pci ids=1:2\noptions vfio-pci ids=10DE:1e04,10de:10f7 disable_vga=1\n");
  const auto finding = only(host.run(doctor::check::vfio_ids));
  EXPECT_EQ(finding.what, "ids=10de:1e04 takes 2 devices");
  EXPECT_EQ(finding.state, doctor::State::warn);
}

TEST(Check, IdsThatNobodyHas) {
  FixtureHost host("003-rtx2080ti-debian");
  host.tree.file("proc/cmdline", "vfio-pci.ids=10de:ffff\n");
  EXPECT_EQ(only(host.run(doctor::check::vfio_ids)).what, "no device has the id 10de:ffff");
}

TEST(Check, VirqfdIsGoneSince62) {
  FixtureHost host("004-rx460-manjaro");
  EXPECT_THAT(host.run(doctor::check::vfio_virqfd), IsEmpty());
  host.tree.file("proc/sys/kernel/osrelease", "6.2.0-1-MANJARO\n");
  const auto finding = only(host.run(doctor::check::vfio_virqfd));
  EXPECT_EQ(finding.state, doctor::State::fail);
  EXPECT_EQ(finding.evidence.front().file, "/etc/mkinitcpio.conf");
  host.tree.file("etc/mkinitcpio.conf", "# MODULES=(vfio_virqfd)\nMODULES=(vfio_virqfd_not)\n");
  EXPECT_THAT(host.run(doctor::check::vfio_virqfd), IsEmpty());
}

TEST(Check, PersistencedIsNamedWithItsProcess) {
  FixtureHost host("healthy");
  host.tree.file("proc/612/comm", "nvidia-persiste\n");
  EXPECT_THAT(only(host.run(doctor::check::driver_persistenced)).what, HasSubstr("process 612"));
}

TEST(Check, AKernelWithoutVfio) {
  FixtureHost host("healthy");
  host.tree.file("boot/config-6.12.117+deb13-amd64",
                 "CONFIG_KVM=m\n# CONFIG_VFIO_PCI is not set\nCONFIG_VFIO_IOMMU_TYPE1=m\n");
  EXPECT_THAT(only(host.run(doctor::check::kernel_config)).what,
              HasSubstr("without CONFIG_KVM_VFIO, CONFIG_VFIO_PCI, CONFIG_VFIO_MDEV or CONFIG_VFIO_PCI_CORE"));
}

TEST(Check, SecureBoot) {
  FixtureHost host("healthy");
  const std::string file = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
  host.tree.file(file, std::string("\x06\0\0\0\x01", 5));
  EXPECT_EQ(only(host.run(doctor::check::secure_boot)).state, doctor::State::warn);
  host.tree.file("var/log/dmesg", "[ 1.0] Loading of module with unavailable key is rejected\n");
  EXPECT_EQ(only(host.run(doctor::check::secure_boot)).state, doctor::State::fail);
  host.tree.file(file, "");
  EXPECT_EQ(only(host.run(doctor::check::secure_boot)).state, doctor::State::unknown);
  fs::remove(host.folder / file);
  EXPECT_THAT(host.run(doctor::check::secure_boot), IsEmpty());
}

TEST(Check, HeadersForEveryKernel) {
  const FixtureHost host("healthy");
  const Sysfs sysfs(host.host);
  auto view = host.view();
  view.kernels = {{"6.1.0-1", false, "no headers", "apt install linux-headers-6.1.0-1"}, {"6.12.1", true, "", ""}};
  const auto findings = doctor::check::kernel_headers({view, sysfs});
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].state, doctor::State::warn);
  EXPECT_EQ(findings[0].next, "apt install linux-headers-6.1.0-1");
  EXPECT_EQ(findings[1].state, doctor::State::ok);
}

TEST(Check, TheDriverThatVgpukitInstalled) {
  const FixtureHost host("healthy");
  const Sysfs sysfs(host.host);
  auto view = host.view();
  view.driver = doctor::DriverState{
      "535.247.02", "install", {{"6.1.0-1", false, false, "no module nvidia"}, {"6.12.1", true, true, ""}}};
  const auto findings = doctor::check::kernel_driver({view, sysfs});
  ASSERT_EQ(findings.size(), 3u);
  EXPECT_THAT(findings[0].what, HasSubstr("vgpukit install was interrupted"));
  EXPECT_EQ(findings[1].state, doctor::State::warn);
  EXPECT_EQ(findings[2].state, doctor::State::ok);
}

TEST(Check, SecureBootThatShimWasToldToPassOver) {
  FixtureHost host("healthy");
  host.tree.file("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
                 std::string("\x06\0\0\0\x01", 5));
  host.tree.file("sys/firmware/efi/efivars/MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23",
                 std::string("\x06\0\0\0\x01", 5));
  const auto finding = only(host.run(doctor::check::secure_boot));
  EXPECT_EQ(finding.state, doctor::State::ok);
  EXPECT_THAT(finding.what, HasSubstr("shim was told to ask for no signatures"));
}

// What dkms leaves behind: 535.247.02 is installed for one kernel, was built for another, and failed on a third.
struct DkmsHost : FixtureHost {
  DkmsHost() : FixtureHost("healthy") {
    const std::string own = "var/lib/dkms/nvidia/";
    tree.link(own + "535.247.02/source", "../../../../../usr/src/nvidia-535.247.02");
    tree.file("usr/src/nvidia-535.247.02/dkms.conf", "PACKAGE_NAME=nvidia\n");
    for (const auto* release : {"6.1.0-1-amd64", "6.12.9-amd64"})
      tree.file(own + "535.247.02/" + release + "/x86_64/module/nvidia.ko", "");
    tree.link(own + "kernel-6.1.0-1-amd64-x86_64", "535.247.02/6.1.0-1-amd64/x86_64");
    tree.file("var/lib/dkms/zfs/2.1/build/make.log", "not ours\n");
  }
  doctor::Findings check(std::vector<doctor::InstalledKernel> kernels) const {
    const Sysfs sysfs(host);
    auto looked = view();
    looked.kernels = std::move(kernels);
    return doctor::check::driver_dkms({looked, sysfs});
  }
};

TEST(Check, DkmsHasTheDriverForSomeKernels) {
  const DkmsHost host;
  const auto findings =
      host.check({{"6.1.0-1-amd64", false, "", ""}, {"6.12.9-amd64", false, "", ""}, {"7.2.1-amd64", true, "", ""}});
  ASSERT_EQ(findings.size(), 3u);
  EXPECT_EQ(findings[0].state, doctor::State::ok);
  EXPECT_EQ(findings[1].state, doctor::State::warn) << "built, and not installed";
  EXPECT_EQ(findings[1].what, "dkms has nvidia 535.247.02, and not for 6.12.9-amd64");
  EXPECT_EQ(findings[2].state, doctor::State::fail);
  EXPECT_EQ(findings[2].next, "dkms autoinstall -k 7.2.1-amd64");
  host.tree.file("var/lib/dkms/nvidia/535.247.02/build/make.log", "error: no member\n");
  const auto failed = host.check({{"7.2.1-amd64", true, "", ""}});
  EXPECT_EQ(only(failed).evidence.back().file, "/var/lib/dkms/nvidia/535.247.02/build/make.log");
  EXPECT_THAT(only(failed).next, HasSubstr("vgpukit build tells"));
}

TEST(Check, DkmsWithoutTheSource) {
  const DkmsHost host;
  fs::remove_all(host.folder / "usr/src/nvidia-535.247.02");
  const auto findings = host.check({{"6.1.0-1-amd64", true, "", ""}});
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].state, doctor::State::fail);
  EXPECT_THAT(findings[0].what, HasSubstr("its source is gone"));
  EXPECT_THAT(findings[0].next, HasSubstr("dkms remove nvidia/535.247.02 --all"));
}

TEST(Check, GroupsOfTheUser) {
  const FixtureHost host("healthy");
  host.tree.file("etc/passwd",
                 "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:104::/home/bob:/bin/sh\n");
  host.tree.file("etc/group", "video:x:44:ann\nkvm:x:104:joann,ann2\nlibvirt:x:105:joann,ann\n");
  const Sysfs sysfs(host.host);
  auto view = host.view();
  EXPECT_THAT(doctor::check::user_groups({view, sysfs}), IsEmpty()) << "root alone needs no group";
  view.user = "ann";
  const auto ann = only(doctor::check::user_groups({view, sysfs}));
  EXPECT_EQ(ann.state, doctor::State::warn);
  EXPECT_EQ(ann.what, "ann is not in kvm");
  EXPECT_EQ(ann.evidence.front().value, "ann is in libvirt,video");
  EXPECT_EQ(ann.next, "usermod -aG kvm ann, then log in again");
  view.user = "bob";
  EXPECT_EQ(only(doctor::check::user_groups({view, sysfs})).what, "bob is not in libvirt") << "kvm is his first group";
  view.user = "joann";
  EXPECT_EQ(only(doctor::check::user_groups({view, sysfs})).state, doctor::State::ok);
  host.tree.file("etc/group", "users:x:100:\n");
  EXPECT_THAT(doctor::check::user_groups({view, sysfs}), IsEmpty()) << "no such groups here";
}

TEST(Check, EveryCheckHasAParagraphInItsDocument) {
  std::ifstream file(fs::path(VGPUKIT_SOURCE_DIR) / "docs/doctor.md");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  for (const auto* checks : {&doctor::host_checks(), &doctor::guest_checks()})
    for (const auto& each : *checks) EXPECT_THAT(text, HasSubstr("`" + std::string(each.id) + "`"));
}

TEST(GuestCheck, TheHypervisorIsSeen) {
  FixtureHost host("002-gtx1060-guest");
  host.tree.file("var/log/dmesg",
                 "Hypervisor detected: KVM\nNVRM: loading NVIDIA UNIX x86_64 Kernel Module  450.66  Wed\n");
  EXPECT_EQ(only(host.run(doctor::check::guest_hidden)).state, doctor::State::fail);
  host.tree.file("var/log/dmesg", "NVRM: loading NVIDIA UNIX Open Kernel Module for x86_64  535.98  Wed\n");
  EXPECT_THAT(host.run(doctor::check::guest_hidden), IsEmpty());
  EXPECT_EQ(only(host.run(doctor::check::guest_init)).state, doctor::State::ok);
}

TEST(GuestCheck, WhatElseTheLogTells) {
  struct Case {
    const char* line;
    doctor::Findings (*check)(const doctor::CheckInput&);
    const char* next;
  };
  for (const auto& each :
       {Case{"NVRM: This PCI I/O region assigned to your NVIDIA device is invalid:", doctor::check::guest_memory,
             "firmware='efi'"},
        Case{"Loading of module with unavailable key is rejected", doctor::check::guest_secure_boot, "secure-boot"},
        Case{"NVRM: GPU 0000:05:00.0 installed in this system is supported through the NVIDIA 470.xx Legacy drivers.",
             doctor::check::guest_branch, "card.branch"},
        Case{"NVRM: RmInitAdapter failed! (0x26)\nNVRM: GPU 0000:05:00.0 has fallen off the bus",
             doctor::check::guest_init, "reboot the host"}}) {
    FixtureHost host;
    host.tree.file("var/log/dmesg", each.line);
    const auto finding = only(host.run(each.check));
    EXPECT_EQ(finding.state, doctor::State::fail) << each.line;
    EXPECT_THAT(finding.next, HasSubstr(each.next));
  }
}

TEST(GuestCheck, NoCardAndNoLog) {
  EXPECT_EQ(only(FixtureHost().run(doctor::check::guest_card)).state, doctor::State::unknown);
  FixtureHost host;
  host.tree.file("var/log/dmesg", "Linux version 6.1\n");
  EXPECT_EQ(only(host.run(doctor::check::guest_card)).state, doctor::State::fail);
  host.tree.file("var/log/dmesg", "NVRM: No NVIDIA GPU found.\n");
  EXPECT_THAT(host.run(doctor::check::guest_card), IsEmpty()) << "a log alone";
  host.tree.pci("0000:00:02.0", {{"id", "1b36:0100"}, {"class", "030000"}});
  EXPECT_EQ(only(host.run(doctor::check::guest_card)).state, doctor::State::fail)
      << "the driver is loaded, and nothing is there for it";
}

}  // namespace
}  // namespace vgpukit::test
