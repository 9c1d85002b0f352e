#include "doctor/checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "doctor/doctor_host.hpp"

namespace vgpukit::doctor {
namespace {

using test::only;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Check, AHostWithoutAnyFileIsUnknownAndNotOk) {
  const test::DoctorHost host;
  const auto problems = host.problems();
  EXPECT_THAT(problems, Contains("unknown cpu.virtualization"));
  EXPECT_THAT(problems, Contains("unknown kernel.config"));
  EXPECT_THAT(problems, Contains("warn cards.here"));
}

TEST(Check, AProcessorWithoutVirtualization) {
  const test::DoctorHost host("healthy");
  host.tree.file("proc/cpuinfo", "vendor_id : AuthenticAMD\nflags\t\t: fpu svm_lock lm\n");
  // KVM of another kind: one statement, that it is available.
  EXPECT_THAT(host.run(check::cpu_virtualization), IsEmpty());
  EXPECT_EQ(only(host.run(check::cpu_kvm)).what, "KVM is available, without VT-x or AMD-V");
  fs::remove(host.folder / "dev/kvm");
  EXPECT_THAT(host.run(check::cpu_kvm), IsEmpty());
  const auto finding = only(host.run(check::cpu_virtualization));
  EXPECT_EQ(finding.state, State::fail);
  EXPECT_THAT(finding.next, HasSubstr("SVM"));
}

TEST(Check, KvmIsNotLoadedBecauseTheFirmwareForbidsIt) {
  const test::DoctorHost host("healthy");
  fs::remove_all(host.folder / "sys/module/kvm_intel");
  fs::remove(host.folder / "dev/kvm");
  EXPECT_EQ(only(host.run(check::cpu_kvm)).next, "modprobe kvm_intel");
  host.tree.file("var/log/dmesg", "[    1.0] kvm: disabled by bios\n");
  EXPECT_THAT(only(host.run(check::cpu_kvm)).next, HasSubstr("VT-x in the firmware"));
}

TEST(Check, AnIommuThatIsOnWithWhatSwitchedItOn) {
  const auto finding = only(test::DoctorHost("healthy").run(check::iommu_on));
  ASSERT_EQ(finding.evidence.size(), 4u);
  EXPECT_EQ(finding.evidence[1].value, "DMAR: IOMMU enabled");
  EXPECT_EQ(finding.evidence[2].value, "intel_iommu=on");
  EXPECT_EQ(finding.evidence[3].value, "iommu=pt");
}

TEST(Check, AnIommuThatAParameterSwitchesOff) {
  const test::DoctorHost host("003-without-iommu");
  host.tree.file("proc/cmdline", "quiet intel_iommu=on,off\n");
  const auto finding = only(host.run(check::iommu_on));
  EXPECT_THAT(finding.next, HasSubstr("remove intel_iommu=on,off from"));
}

TEST(Check, AnIommuThatTheFirmwareDoesNotOffer) {
  const test::DoctorHost host("003-without-iommu");
  fs::remove(host.folder / "sys/firmware/acpi/tables/DMAR");
  EXPECT_THAT(only(host.run(check::iommu_on)).next,
              HasSubstr("switch on VT-d in the firmware's setup; then add intel_iommu=on"));
}

TEST(Check, WhatTheLogNoLongerHasIsUnknown) {
  const test::DoctorHost host("healthy");
  host.tree.file("var/log/dmesg", "[ 900.0] something late\n");
  EXPECT_EQ(only(host.run(check::iommu_remapping)).state, State::unknown);
  host.tree.file("var/log/dmesg", "[ 0.0] Linux version 6.12\n");
  EXPECT_EQ(only(host.run(check::iommu_remapping)).state, State::warn);
}

TEST(Check, SimpledrmIgnoresTheSwitchOfEfifb) {
  const test::DoctorHost host("001-rtx2080ti-frozen");
  fs::remove_all(host.folder / "sys/bus/platform");
  host.tree.file("proc/iomem",
                 "00000000-00000000 : 0000:83:00.0\n  00000000-00000000 : BOOTFB\n    00000000-00000000 : simpledrm\n");
  host.tree.link("sys/bus/platform/drivers/simple-framebuffer/simple-framebuffer.0",
                 "../../../../devices/platform/simple-framebuffer.0");
  host.tree.dir("sys/bus/platform/devices/simple-framebuffer.0/drm");
  host.tree.file("proc/cmdline", "video=efifb:off\n");
  const auto finding = only(host.run(check::display_framebuffer));
  EXPECT_THAT(finding.what, HasSubstr("(simpledrm) holds"));
  EXPECT_THAT(finding.why, HasSubstr("video=efifb:off is set, but simpledrm ignores it"));
  EXPECT_THAT(finding.next, HasSubstr("initcall_blacklist=simpledrm_platform_driver_init"));
}

TEST(Check, AFramebufferOnAnotherCardIsFine) {
  const test::DoctorHost host("001-rtx2080ti-frozen");
  host.tree.file("proc/iomem", "0-0 : PCI Bus 0000:0a\n  0-0 : 0000:0a:00.0\n    0-0 : efifb\n");
  EXPECT_THAT(host.run(check::display_framebuffer), IsEmpty());
  host.tree.file("proc/iomem", "0-0 : 0000:0a:00.0\n  0-0 : BOOTFB\n");
  EXPECT_THAT(host.run(check::display_framebuffer), IsEmpty());
}

TEST(Check, ALineOfTheLogAboutTheSameSlotOfAnotherDomainIsNoEvidence) {
  const test::DoctorHost host("001-rtx2080ti-frozen");
  host.tree.file("var/log/dmesg", "[ 1.0] vfio-pci 10000:83:00.0: BAR 0: can't reserve [mem 0xc0000000-0xc0ffffff]\n");
  EXPECT_EQ(only(host.run(check::display_framebuffer)).evidence.size(), 1u);
}

TEST(Check, ADriverThatIsTooNewForTheCard) {
  test::DoctorHost host("healthy");
  host.tree.file("sys/module/nvidia/version", "590.48.01\n");
  const auto finding = only(host.run(check::card_branch));
  EXPECT_EQ(finding.state, State::fail);
  EXPECT_THAT(finding.what, HasSubstr("Tesla P4 (GP104, Pascal) is too old for the driver 590.48.01"));
  EXPECT_THAT(finding.next, HasSubstr("branch 580"));
}

TEST(Check, OpenModulesNeedTuring) {
  test::DoctorHost host("healthy");
  host.tree.file("proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.247.02\n");
  EXPECT_THAT(only(host.run(check::card_branch)).what, HasSubstr("too old for the open kernel modules"));
}

TEST(Check, ACardThatIsNotInTheList) {
  test::DoctorHost host("000-tesla-p4");
  host.tree.file("sys/bus/pci/devices/0000:07:00.0/device", "0x1abc\n");
  const auto finding = only(host.run(check::card_branch));
  EXPECT_EQ(finding.state, State::unknown);
  EXPECT_THAT(finding.what, HasSubstr("not in vgpukit's list (10de:1abc)"));
}

TEST(Check, NovaCoreHasToBeBlacklisted) {
  test::DoctorHost host("003-rtx2080ti-debian");
  host.tree.link("sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/driver", "../../../../bus/pci/drivers/NovaCore");
  EXPECT_THAT(only(host.run(check::card_driver)).next, HasSubstr("blacklist nova_core"));
  host.tree.link("sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/driver", "../../../../bus/pci/drivers/nova_core");
  EXPECT_THAT(only(host.run(check::card_driver)).next, HasSubstr("blacklist nova_core"));
}

TEST(Check, IdsThatTakeTwoCards) {
  test::DoctorHost host("003-rtx2080ti-debian");
  host.tree.pci("0000:02:00.0", {{"id", "10de:1e04"}, {"class", "030000"}, {"group", "9"}});
  host.tree.file("etc/modprobe.d/vfio.conf",
                 "# options vfio-pci ids=1:2\noptions vfio-pci ids=10DE:1e04,10de:10f7 disable_vga=1\n");
  const auto finding = only(host.run(check::vfio_ids));
  EXPECT_EQ(finding.what, "ids=10de:1e04 takes 2 devices");
  EXPECT_EQ(finding.state, State::warn);
}

TEST(Check, IdsThatNobodyHas) {
  test::DoctorHost host("003-rtx2080ti-debian");
  host.tree.file("proc/cmdline", "vfio-pci.ids=10de:ffff\n");
  EXPECT_EQ(only(host.run(check::vfio_ids)).what, "no device has the id 10de:ffff");
}

TEST(Check, VirqfdIsGoneSince62) {
  test::DoctorHost host("004-rx460-manjaro");
  EXPECT_THAT(host.run(check::vfio_virqfd), IsEmpty());
  host.tree.file("proc/sys/kernel/osrelease", "6.2.0-1-MANJARO\n");
  const auto finding = only(host.run(check::vfio_virqfd));
  EXPECT_EQ(finding.state, State::fail);
  EXPECT_EQ(finding.evidence.front().file, "/etc/mkinitcpio.conf");
  host.tree.file("etc/mkinitcpio.conf", "# MODULES=(vfio_virqfd)\nMODULES=(vfio_virqfd_not)\n");
  EXPECT_THAT(host.run(check::vfio_virqfd), IsEmpty());
}

TEST(Check, PersistencedIsNamedWithItsProcess) {
  test::DoctorHost host("healthy");
  host.tree.file("proc/612/comm", "nvidia-persiste\n");
  EXPECT_THAT(only(host.run(check::driver_persistenced)).what, HasSubstr("process 612"));
}

TEST(Check, AKernelWithoutVfio) {
  test::DoctorHost host("healthy");
  host.tree.file("boot/config-6.12.117+deb13-amd64",
                 "CONFIG_KVM=m\n# CONFIG_VFIO_PCI is not set\nCONFIG_VFIO_IOMMU_TYPE1=m\n");
  EXPECT_THAT(only(host.run(check::kernel_config)).what,
              HasSubstr("without CONFIG_KVM_VFIO, CONFIG_VFIO_PCI, CONFIG_VFIO_MDEV or CONFIG_VFIO_PCI_CORE"));
}

TEST(Check, SecureBoot) {
  test::DoctorHost host("healthy");
  const std::string file = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
  host.tree.file(file, std::string("\x06\0\0\0\x01", 5));
  EXPECT_EQ(only(host.run(check::secure_boot)).state, State::warn);
  host.tree.file("var/log/dmesg", "[ 1.0] Loading of module with unavailable key is rejected\n");
  EXPECT_EQ(only(host.run(check::secure_boot)).state, State::fail);
  host.tree.file(file, "");
  EXPECT_EQ(only(host.run(check::secure_boot)).state, State::unknown);
  fs::remove(host.folder / file);
  EXPECT_THAT(host.run(check::secure_boot), IsEmpty());
}

TEST(Check, HeadersForEveryKernel) {
  const test::DoctorHost host("healthy");
  const Sysfs sysfs(host.host);
  auto view = host.view();
  view.kernels = {{"6.1.0-1", false, "no headers", "apt install linux-headers-6.1.0-1"}, {"6.12.1", true, "", ""}};
  const auto findings = check::kernel_headers({view, sysfs});
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].state, State::warn);
  EXPECT_EQ(findings[0].next, "apt install linux-headers-6.1.0-1");
  EXPECT_EQ(findings[1].state, State::ok);
  view.kernels[0].running = true;
  EXPECT_EQ(check::kernel_headers({view, sysfs})[0].state, State::fail);
}

TEST(Check, TheDriverThatVgpukitInstalled) {
  const test::DoctorHost host("healthy");
  const Sysfs sysfs(host.host);
  auto view = host.view();
  view.driver =
      DriverState{"535.247.02", "install", {{"6.1.0-1", false, false, "no module nvidia"}, {"6.12.1", true, true, ""}}};
  const auto findings = check::kernel_driver({view, sysfs});
  ASSERT_EQ(findings.size(), 3u);
  EXPECT_THAT(findings[0].what, HasSubstr("vgpukit install was interrupted"));
  EXPECT_EQ(findings[1].state, State::warn);
  EXPECT_EQ(findings[2].state, State::ok);
}

TEST(Check, SecureBootThatShimDoesNotEnforce) {
  test::DoctorHost host("healthy");
  host.tree.file("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
                 std::string("\x06\0\0\0\x01", 5));
  host.tree.file("sys/firmware/efi/efivars/MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23",
                 std::string("\x06\0\0\0\x01", 5));
  const auto finding = only(host.run(check::secure_boot));
  EXPECT_EQ(finding.state, State::ok);
  EXPECT_THAT(finding.what, HasSubstr("shim checks no signatures"));
}

// The state of dkms: 535.247.02 is installed for one kernel, was built for another, and failed on a third.
struct DkmsHost : test::DoctorHost {
  DkmsHost() : DoctorHost("healthy") {
    const std::string own = "var/lib/dkms/nvidia/";
    tree.link(own + "535.247.02/source", "../../../../../usr/src/nvidia-535.247.02");
    tree.file("usr/src/nvidia-535.247.02/dkms.conf", "PACKAGE_NAME=nvidia\n");
    for (const auto* release : {"6.1.0-1-amd64", "6.12.9-amd64"})
      tree.file(own + "535.247.02/" + release + "/x86_64/module/nvidia.ko", "");
    tree.link(own + "kernel-6.1.0-1-amd64-x86_64", "535.247.02/6.1.0-1-amd64/x86_64");
    tree.file("var/lib/dkms/zfs/2.1/build/make.log", "not ours\n");
  }
  Findings check(std::vector<InstalledKernel> kernels) const {
    const Sysfs sysfs(host);
    auto looked = view();
    looked.kernels = std::move(kernels);
    return check::driver_dkms({looked, sysfs});
  }
};

TEST(Check, DkmsHasTheDriverForSomeKernels) {
  const DkmsHost host;
  const auto findings =
      host.check({{"6.1.0-1-amd64", false, "", ""}, {"6.12.9-amd64", false, "", ""}, {"7.2.1-amd64", true, "", ""}});
  ASSERT_EQ(findings.size(), 3u);
  EXPECT_EQ(findings[0].state, State::ok);
  EXPECT_EQ(findings[1].state, State::warn) << "built, and not installed";
  EXPECT_EQ(findings[1].what, "dkms has nvidia 535.247.02, but not for 6.12.9-amd64");
  EXPECT_EQ(findings[2].state, State::fail);
  EXPECT_EQ(findings[2].next, "dkms autoinstall -k 7.2.1-amd64");
  host.tree.file("var/lib/dkms/nvidia/535.247.02/build/make.log", "error: no member\n");
  const auto failed = host.check({{"7.2.1-amd64", true, "", ""}});
  EXPECT_EQ(only(failed).evidence.back().file, "/var/lib/dkms/nvidia/535.247.02/build/make.log");
  EXPECT_THAT(only(failed).next, HasSubstr("vgpukit build names"));
}

TEST(Check, DkmsWithoutTheSource) {
  const DkmsHost host;
  fs::remove_all(host.folder / "usr/src/nvidia-535.247.02");
  const auto findings = host.check({{"6.1.0-1-amd64", true, "", ""}});
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].state, State::fail);
  EXPECT_THAT(findings[0].what, HasSubstr("its source is gone"));
  EXPECT_THAT(findings[0].next, HasSubstr("dkms remove nvidia/535.247.02 --all"));
}

TEST(Check, GroupsOfTheUser) {
  const test::DoctorHost host("healthy");
  host.tree.file("etc/passwd",
                 "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:104::/home/bob:/bin/sh\n");
  host.tree.file("etc/group", "video:x:44:ann\nkvm:x:104:joann,ann2\nlibvirt:x:105:joann,ann\n");
  const Sysfs sysfs(host.host);
  auto view = host.view();
  EXPECT_THAT(check::user_groups({view, sysfs}), IsEmpty()) << "root alone needs no group";
  view.user = "ann";
  const auto ann = only(check::user_groups({view, sysfs}));
  EXPECT_EQ(ann.state, State::warn);
  EXPECT_EQ(ann.what, "ann is not in kvm");
  EXPECT_EQ(ann.evidence.front().value, "ann is in libvirt,video");
  EXPECT_EQ(ann.next, "usermod -aG kvm ann, then log in again");
  view.user = "bob";
  EXPECT_EQ(only(check::user_groups({view, sysfs})).what, "bob is not in libvirt") << "kvm is his first group";
  view.user = "joann";
  EXPECT_EQ(only(check::user_groups({view, sysfs})).state, State::ok);
  host.tree.file("etc/group", "users:x:100:\n");
  EXPECT_THAT(check::user_groups({view, sysfs}), IsEmpty()) << "no such groups here";
}

TEST(Check, EveryCheckHasAParagraphInItsDocument) {
  std::ifstream file(fs::path(VGPUKIT_SOURCE_DIR) / "docs/doctor.md");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  for (const auto* checks : {&host_checks(), &guest_checks()})
    for (const auto& each : *checks) EXPECT_THAT(text, HasSubstr("`" + std::string(each.id) + "`"));
}

TEST(Check, ADeviceThatCannotBeRead) {
  const test::DoctorHost host("healthy");
  // A folder can be opened but not read, also by root.
  fs::remove(host.folder / "sys/devices/pci0000:00/0000:00:1f.6/class");
  host.tree.dir("sys/devices/pci0000:00/0000:00:1f.6/class");
  const auto finding = only(host.run(check::cards_here));
  EXPECT_EQ(finding.state, State::unknown);
  EXPECT_EQ(finding.evidence.front().value, "class: Is a directory");
}

// A VMD controller's devices have a domain of five digits.
TEST(Check, ADiskOfAVmdControllerSharesTheGroup) {
  test::DoctorHost host("healthy");
  host.tree.pci("10000:e0:06.0", {{"id", "8086:09ab"}, {"class", "060400"}, {"group", "4"}});
  host.tree.pci("10000:e1:00.0",
                {{"id", "144d:a80a"}, {"class", "010802"}, {"group", "4"}, {"under", "10000:e0:06.0"}});
  EXPECT_THAT(host.problems(), ElementsAre("warn card.group 0000:01:00.0"));
}

}  // namespace
}  // namespace vgpukit::doctor
