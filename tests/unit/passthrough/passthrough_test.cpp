#include "passthrough/passthrough.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "passthrough/boot_host.hpp"

namespace vgpukit::passthrough {
namespace passthrough_test {

using test::BootHost;
using testing::HasSubstr;
using testing::Not;

constexpr const char* nvidia = "01:00.0";
constexpr const char* modprobe = "/etc/modprobe.d/vgpukit-passthrough.conf";
constexpr const char* grub = "/etc/default/grub";

// The 2080 Ti's host with the kernel of Debian 12, in which vfio_virqfd is a module.
struct Debian : BootHost {
  explicit Debian(const std::string& name = "003-rtx2080ti-debian") : test::BootHost(name) {
    kernel("6.1.0-10-amd64",
           {"vfio/vfio", "vfio/pci/vfio-pci", "vfio/vfio_iommu_type1", "vfio/vfio_virqfd", "usb/host/xhci-pci"}, {},
           "alias pci:v000010DEd*sv*sd*bc03sc*i* nouveau\nalias pci:v000010DEd00001E04* nvidia_new\nalias "
           "pci:v00008086d*bc03* "
           "i915\n");
    tree.file("etc/grub.d/10_linux", "#!/bin/sh\n");
    boot_is_made();
  }
};

TEST(Passthrough, Host003IsWrittenAsItsAuthorWroteIt) {
  const Debian host;
  const auto done = host.apply(nvidia);
  ASSERT_TRUE(done) << done.error().message();
  const auto text = host.text(modprobe);
  EXPECT_THAT(text, HasSubstr("\noptions vfio-pci ids=10de:1e04,10de:10f7,10de:1ad6,10de:1ad7\n"));
  for (const auto* module :
       {"nouveau", "nova_core", "nvidia", "nvidia_new", "snd_hda_intel", "xhci_pci", "i2c_nvidia_gpu"})
    EXPECT_THAT(text, HasSubstr("\nsoftdep " + std::string(module) + " pre: vfio-pci\n"));
  EXPECT_THAT(text, Not(HasSubstr("i915")));
  EXPECT_THAT(text, Not(HasSubstr("install ")));
  EXPECT_THAT(host.text("/etc/initramfs-tools/modules"),
              HasSubstr("below.\n# vgpukit passthrough\nvfio_pci\nvfio\nvfio_iommu_type1\nvfio_virqfd\n"));
  EXPECT_THAT(host.text(grub), Not(HasSubstr("vfio"))) << "the file has intel_iommu=on already";
  EXPECT_EQ(done->edits.commands,
            (std::vector<std::vector<std::string>>{{"update-initramfs", "-u", "-k", "all"}, {"update-grub"}}));
  EXPECT_THAT(host.text("/etc/grub.d/99_vgpukit_without_passthrough"), HasSubstr("module_blacklist=vfio_pci"));
  EXPECT_TRUE(host.apply(nvidia)->nothing);
}

TEST(Passthrough, VirqfdIsLeftOutIfOneKernelDoesNotHaveIt) {
  Debian host;
  host.usual_kernel();
  ASSERT_TRUE(host.apply(nvidia));
  EXPECT_THAT(host.text("/etc/initramfs-tools/modules"), Not(HasSubstr("virqfd")));
}

TEST(Passthrough, TwoCardsWithTheSameIdsAreToldApartByAddress) {
  Debian host;
  host.tree.pci("0000:02:00.0",
                {{"id", "10de:1e04"}, {"class", "030000"}, {"driver", "nouveau"}, {"group", "9"}, {"boot_vga", "0"}});
  const auto done = host.apply(nvidia);
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_THAT(host.text(modprobe), Not(HasSubstr("ids=")));
  EXPECT_THAT(host.text(modprobe), HasSubstr("each '0000:01:00.0=v000010DEd00001E04 0000:01:00.1=v000010DEd000010F7 "));
  EXPECT_THAT(host.text(modprobe), Not(HasSubstr("0000:02:00.0")));
  EXPECT_THAT(done->card.reasons,
              testing::Contains(HasSubstr("0000:02:00.0, which stays with the host, has the ids of 0000:01:00.0")));
}

// Runs the install line on the fixture's files. `script` is what /sbin/modprobe does. Returns the
// driver_override of the card and of its twin, and what was written to drivers_probe last.
std::string run_install_line(const Debian& host, const std::string& cmdline, const std::string& script) {
  const auto text = host.text(modprobe);
  const auto begin = text.find("install vfio-pci ") + 17;
  auto line = text.substr(begin, text.find('\n', begin) - begin);
  const auto root = host.host.root.string();
  for (const auto& [name, there] : {std::pair<std::string, std::string>{"/sbin/modprobe", root + "/modprobe"},
                                    {"/sys/bus", root + "/sys/bus"},
                                    {"/proc/cmdline", root + "/proc/cmdline"}})
    for (auto at = line.find(name); at != std::string::npos; at = line.find(name, at + there.size()))
      line.replace(at, name.size(), there);
  host.tree.file("proc/cmdline", cmdline + "\n");
  host.tree.file("sys/bus/pci/drivers_probe", "");
  host.tree.file("modprobe", "#!/bin/sh\ncd " + root + "/sys/bus/pci/devices\n" + script + "\n");
  fs::permissions(host.host.root / "modprobe", fs::perms::owner_all);
  host.tree.file("line", line);
  EXPECT_EQ(std::system(("sh -e " + root + "/line").c_str()), 0);
  std::string state;
  for (const auto* file :
       {"devices/0000:01:00.0/driver_override", "devices/0000:02:00.0/driver_override", "drivers_probe"})
    state += BootHost::first_line(host.text(std::string("/sys/bus/pci/") + file)) + ",";
  return state;
}

TEST(Passthrough, NoOtherDriverCanTakeTheCardOnceVfioPciIsLoaded) {
  Debian host;
  host.tree.pci("0000:02:00.0",
                {{"id", "10de:1e04"}, {"class", "030000"}, {"driver", "nouveau"}, {"group", "9"}, {"boot_vga", "0"}});
  ASSERT_TRUE(host.apply(nvidia));
  EXPECT_EQ(run_install_line(host, "quiet", "grep -q vfio-pci 0000:01:00.0/driver_override"),
            "vfio-pci,(null),0000:01:00.3,");
  EXPECT_EQ(run_install_line(host, "quiet module_blacklist=nouveau,vfio_pci", "exit 1"), ",(null),0000:01:00.3,");
  host.tree.file("sys/bus/pci/devices/0000:01:00.0/driver_override", "(null)\n");
  EXPECT_EQ(run_install_line(host, "quiet module_blacklist=vfio_pci", "exit 1"), "(null),(null),,");
}

TEST(Passthrough, ADriverThatIsBuiltInIsEvicted) {
  Debian host;
  host.kernel("6.1.0-10-amd64", {"vfio/vfio", "vfio/pci/vfio-pci", "vfio/vfio_iommu_type1"}, {"usb/host/xhci-pci"});
  ASSERT_TRUE(host.apply(nvidia));
  EXPECT_THAT(host.text(modprobe), HasSubstr("; each '0000:01:00.2=v000010DEd00001AD6' '[ ! -e "));
  EXPECT_THAT(host.text(modprobe), HasSubstr(">$p/driver/unbind"));
  EXPECT_THAT(host.text(modprobe), Not(HasSubstr("softdep xhci_pci")));
}

TEST(Passthrough, ADriverThatNoModuleFileNamesIsEvictedTooAndStaysSoAfterTheReboot) {
  Debian host;
  host.tree.pci("0000:01:00.4", {{"id", "1b36:0002"},
                                 {"class", "070002"},
                                 {"under", "0000:00:01.0"},
                                 {"driver", "serial"},
                                 {"module", "8250_pci"},
                                 {"group", "1"}});
  host.kernel("6.1.0-10-amd64", {"vfio/vfio", "vfio/pci/vfio-pci", "vfio/vfio_iommu_type1", "usb/host/xhci-pci"},
              {"tty/serial/8250/8250_pci"});
  const std::string evicted = "; each '0000:01:00.4=v00001B36d00000002' '[ ! -e ";
  const auto done = host.apply(nvidia);
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_THAT(host.text(modprobe), HasSubstr(evicted));
  EXPECT_THAT(host.text(modprobe), Not(HasSubstr("softdep 8250")));
  EXPECT_THAT(done->card.reasons, testing::Contains(HasSubstr("the driver of 0000:01:00.4 is built into the kernel")));
  host.tree.link("sys/bus/pci/devices/0000:01:00.4/driver", "/sys/bus/pci/drivers/vfio-pci");
  const auto again = host.apply(nvidia);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_TRUE(again->nothing);
  EXPECT_THAT(host.text(modprobe), HasSubstr(evicted));
}

TEST(Passthrough, AVfioPciThatIsBuiltInHasItsIdsFromTheKernelsParameters) {
  Debian host;
  host.tree.file("etc/default/grub",
                 "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet vfio-pci.ids=1002:67ef\"\nGRUB_CMDLINE_LINUX=intel_iommu=on\n");
  host.kernel("6.1.0-10-amd64", {"usb/host/xhci-pci"}, {"vfio/pci/vfio-pci", "vfio/vfio", "vfio/vfio_iommu_type1"});
  const auto done = host.apply(nvidia);
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_FALSE(host.has(modprobe));
  EXPECT_THAT(host.text(grub), HasSubstr("vfio-pci.ids=1002:67ef,10de:1e04,10de:10f7,10de:1ad6,10de:1ad7\""));
  EXPECT_EQ(done->edits.commands, (std::vector<std::vector<std::string>>{{"update-grub"}}));
}

TEST(Passthrough, WithoutAnIommuTheParametersAreAdded) {
  const Debian host("003-without-iommu");
  ASSERT_TRUE(host.apply(nvidia));
  EXPECT_THAT(host.text(grub), HasSubstr("GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on iommu=pt\"\n"));
  EXPECT_THAT(host.text("/etc/grub.d/99_vgpukit_without_passthrough"), HasSubstr("in intel_iommu=on|iommu=pt) ;;"));
}

TEST(Passthrough, WhatDebiansGrubReadsLastIsChanged) {
  Debian host("003-without-iommu");
  host.tree.file("etc/default/grub.d/50-cloud.cfg", "GRUB_CMDLINE_LINUX_DEFAULT='console=tty1'\n");
  ASSERT_TRUE(host.apply(nvidia));
  EXPECT_EQ(host.text("/etc/default/grub.d/50-cloud.cfg"),
            "GRUB_CMDLINE_LINUX_DEFAULT='console=tty1 intel_iommu=on iommu=pt'\n");
  EXPECT_THAT(host.text(grub), Not(HasSubstr("iommu")));
}

TEST(Passthrough, TheFirmwaresFramebufferIsTakenOffTheCard) {
  Debian host;
  host.tree.link("sys/bus/platform/drivers/efi-framebuffer/efi-framebuffer.0",
                 "../../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0/efi-framebuffer.0");
  ASSERT_TRUE(host.apply(nvidia));
  EXPECT_THAT(host.text(grub), HasSubstr("\"quiet intel_iommu=on video=efifb:off\""));
}

TEST(Passthrough, ALinkStaysALinkAndWindowsLineEndsStay) {
  Debian host("003-without-iommu");
  host.tree.file("etc/real-grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\r\nX=1\r\n");
  host.tree.link("etc/default/grub", "../real-grub");
  host.boot_is_made();
  const auto before = host.all();
  const auto done = host.apply(nvidia);
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_TRUE(fs::is_symlink(host.host.reach(grub)));
  EXPECT_EQ(host.text("/etc/real-grub"), "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on iommu=pt\"\r\nX=1\r\n");
  EXPECT_THAT(done->edits.warnings, testing::Contains(HasSubstr("Windows line ends")));
  ASSERT_TRUE(host.undo(nvidia));
  EXPECT_EQ(host.all(), before);
}

TEST(Passthrough, ADanglingLinkIsRefused) {
  Debian host("003-without-iommu");
  host.tree.link("etc/initramfs-tools/modules", "gone");
  const auto before = host.all();
  const auto done = host.apply(nvidia);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message(), HasSubstr("a link to a file that does not exist"));
  EXPECT_EQ(host.all(), before);
}

TEST(Passthrough, DracutAndEntriesOfTheBootLoaderSpecification) {
  Debian host("003-without-iommu");
  fs::remove_all(host.host.in_root("/etc/initramfs-tools"));
  host.tree.file("etc/os-release", "ID=fedora\n");
  host.tree.file("usr/bin/dracut", "");
  host.tree.file("boot/loader/entries/abc-6.12.conf",
                 "title Fedora\nversion 6.12\nsort-key fedora\noptions root=/dev/sda1 ro\ngrub_arg x\n");
  const auto before = host.all();
  const auto done = host.apply(nvidia);
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_THAT(host.text("/etc/dracut.conf.d/vgpukit-passthrough.conf"),
              HasSubstr("force_drivers+=\" vfio_pci vfio vfio_iommu_type1"));
  EXPECT_THAT(host.text("/boot/loader/entries/abc-6.12.conf"),
              HasSubstr("\noptions root=/dev/sda1 ro intel_iommu=on iommu=pt\ngrub_arg"));
  EXPECT_EQ(host.text("/boot/loader/entries/00-without-passthrough-abc-6.12.conf"),
            "title Fedora (without passthrough)\nversion 6.12\noptions root=/dev/sda1 ro "
            "module_blacklist=vfio_pci\ngrub_arg x\n");
  ASSERT_TRUE(host.undo(nvidia));
  auto after = host.all();
  EXPECT_FALSE(host.has("/etc/dracut.conf.d")) << "the folder that apply made is gone again";
  EXPECT_EQ(after["/boot/loader/entries/abc-6.12.conf"], before.at("/boot/loader/entries/abc-6.12.conf"));
}

TEST(Passthrough, ProxmoxHasOneLine) {
  Debian host("003-without-iommu");
  host.tree.file("etc/kernel/proxmox-boot-uuids", "1234-5678\n");
  host.tree.file("etc/kernel/cmdline", "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n");
  host.tree.file("proc/cmdline", "initrd=\\EFI\\proxmox\\6.1\\initrd.img-6.1 root=ZFS=rpool/ROOT/pve-1 boot=zfs\n");
  const auto done = host.apply(nvidia);
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(host.text("/etc/kernel/cmdline"), "root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=on iommu=pt\n");
  EXPECT_EQ(done->edits.commands.back(), (std::vector<std::string>{"proxmox-boot-tool", "refresh"}));
}

TEST(Passthrough, MkinitcpioReadsWhatItsPresetsName) {
  BootHost host("000-tesla-p4");
  host.usual_kernel();
  ASSERT_TRUE(host.apply("07:00.0"));
  const std::string block =
      "# vgpukit passthrough\nMODULES=(vfio_pci vfio vfio_iommu_type1 ${MODULES[@]})\nFILES=(${FILES[@]} "
      "/etc/modprobe.d/vgpukit-passthrough.conf)\n";
  EXPECT_THAT(host.text("/etc/mkinitcpio.conf"), testing::EndsWith(block));
  ASSERT_TRUE(host.undo("07:00.0"));
  host.tree.dir("etc/mkinitcpio.conf.d");
  ASSERT_TRUE(host.apply("07:00.0"));
  EXPECT_EQ(host.text("/etc/mkinitcpio.conf.d/vgpukit-passthrough.conf"), block);
  ASSERT_TRUE(host.undo("07:00.0"));
  host.tree.file("etc/mkinitcpio.d/linux.preset",
                 "ALL_config=\"/etc/mkinitcpio.conf\"\n#default_config=\"/etc/x.conf\"\n");
  ASSERT_TRUE(host.apply("07:00.0"));
  EXPECT_THAT(host.text("/etc/mkinitcpio.conf"), testing::EndsWith(block));
  EXPECT_FALSE(host.has("/etc/mkinitcpio.conf.d/vgpukit-passthrough.conf"));
}

TEST(Passthrough, AnUnknownDistributionIsNotChanged) {
  Debian host;
  host.tree.file("etc/os-release", "ID=slackware\nPRETTY_NAME=\"Slackware 15\"\n");
  const auto before = host.all();
  const auto plan = host.plan(nvidia);
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan->edits.files.empty());
  const auto done = host.apply(nvidia);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::missing);
  EXPECT_THAT(done.error().why, HasSubstr("Slackware 15"));
  EXPECT_EQ(host.all(), before);
}

TEST(Passthrough, TheOnlyDisplayNeedsItsOption) {
  Debian host;
  fs::remove(host.host.reach("/sys/bus/pci/devices/0000:00:02.0"));
  const auto before = host.all();
  const auto refused = apply_passthrough(host.tools(), Sysfs(host.host), nvidia, {force_host_devices});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::consent);
  EXPECT_THAT(refused.error().next, HasSubstr("--force-lose-the-only-display"));
  EXPECT_EQ(host.all(), before);
  EXPECT_TRUE(apply_passthrough(host.tools(), Sysfs(host.host), nvidia, {force_display}));
}

TEST(Passthrough, ATeslaHasNoDisplay) {
  const BootHost host("000-tesla-p4");
  host.usual_kernel();
  EXPECT_TRUE(apply_passthrough(host.tools(), Sysfs(host.host), "07:00.0", {}));
}

TEST(Passthrough, ADiskInTheGroupNeedsItsOption) {
  Debian host;
  host.tree.pci("0000:03:00.0", {{"id", "144d:a808"}, {"class", "010802"}, {"driver", "nvme"}, {"group", "1"}});
  const auto before = host.all();
  const auto refused = apply_passthrough(host.tools(), Sysfs(host.host), nvidia, {force_display});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("0000:03:00.0"));
  EXPECT_THAT(refused.error().next, HasSubstr("--force-take-host-devices"));
  EXPECT_EQ(host.all(), before);
  ASSERT_TRUE(host.apply(nvidia));
  EXPECT_THAT(host.text(modprobe), HasSubstr("144d:a808"));
}

TEST(Passthrough, OnlyNvidiaCardsAreAccepted) {
  const Debian host;
  for (const auto* word : {"05:00.0", "00:01.0", "00:02.0", "rubbish", ""}) {
    const auto done = host.apply(word);
    ASSERT_FALSE(done) << word;
    EXPECT_EQ(done.error().kind, ErrorKind::usage) << word;
  }
  EXPECT_THAT(host.apply("00:02.0").error().message(), HasSubstr("is not NVIDIA's"));
}

TEST(Passthrough, ADeviceThatCannotBeReadIsAnErrorOrByAddress) {
  class Blind : public Sysfs {
   public:
    Blind(const HostPaths& host, std::string end) : Sysfs(host), end_(std::move(end)) {}
    [[nodiscard]] Reading read(const std::string& path) const override {
      return path.ends_with(end_) ? Reading{EACCES, ""} : Sysfs::read(path);
    }
    std::string end_;
  };
  const Debian host;
  const auto card = plan_passthrough(host.host, Blind(host.host, "0000:01:00.1/device"), nvidia);
  ASSERT_FALSE(card);
  EXPECT_THAT(card.error().message(), HasSubstr("0000:01:00.1/device: Permission denied"));
  const auto other = plan_passthrough(host.host, Blind(host.host, "0000:00:14.0/device"), nvidia);
  ASSERT_TRUE(other);
  EXPECT_TRUE(other->card.claim.by_address) << "it could have the same ids";
}

TEST(Passthrough, OthersLinesAboutVfioStay) {
  Debian host;
  host.tree.file("etc/modprobe.d/vfio.conf", "options vfio-pci ids=1002:67ef disable_vga=1\n");
  ASSERT_TRUE(host.apply(nvidia));
  EXPECT_THAT(host.text(modprobe), HasSubstr("ids=1002:67ef,10de:1e04,"));
  host.tree.file("etc/modprobe.d/zz.conf", "install vfio-pci /bin/false\noptions vfio-pci ids=1002:aae0\n");
  const auto plan = host.plan(nvidia);
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->edits.warnings,
              testing::Contains(HasSubstr("/etc/modprobe.d/zz.conf has the line `install vfio-pci")));
  EXPECT_THAT(plan->edits.warnings, testing::Contains(HasSubstr("replaces vgpukit's")));
}

TEST(Passthrough, NoKernelWithVfioPciNoPlan) {
  Debian host;
  host.kernel("6.1.0-10-amd64", {"vfio/vfio"});
  const auto plan = host.plan(nvidia);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().kind, ErrorKind::missing);
}

}  // namespace passthrough_test
}  // namespace vgpukit::passthrough
