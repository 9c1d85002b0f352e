// apply, read-back and undo with each boot loader and each initramfs tool.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "passthrough/boot_host.hpp"
#include "passthrough/pending_edits.hpp"
#include "support/killed_at.hpp"
#include "support/small_file_system.hpp"
#include "system/cpio.hpp"

namespace vgpukit::passthrough {
namespace {

using test::BootHost;
using testing::HasSubstr;
using testing::Not;

constexpr const char* card = "01:00.0";

// What recovery may leave: the lock and empty folders.
std::map<std::string, std::string> files_of(const BootHost& host) {
  auto files = host.all();
  for (const auto* ours : {"/var/lib/vgpukit", "/var/lib/vgpukit/passthrough", "/var/lib/vgpukit/passthrough/lock"})
    files.erase(ours);
  return files;
}

struct LoaderHost : BootHost {
  explicit LoaderHost(const std::string& name) : test::BootHost(name) {
    if (!has("/lib/modules")) kernel("6.8.12-4-pve", {"vfio/vfio", "vfio/pci/vfio-pci", "vfio/vfio_iommu_type1"});
    if (has("/etc/default/grub")) {
      EXPECT_TRUE(make_boot({has("/boot/grub2/grub.cfg") ? "grub2-mkconfig" : "update-grub"}));
    }
    EXPECT_TRUE(make_boot({"mkinitcpio"}));
  }
};

class EveryLoader : public testing::TestWithParam<const char*> {};

TEST_P(EveryLoader, IsReadBackAndUndoneByteForByte) {
  const LoaderHost host(GetParam());
  const auto before = files_of(host);
  const auto done = host.apply(card);
  ASSERT_TRUE(done) << done.error().message();
  const bool proxmox = std::string(GetParam()).starts_with("pve");
  EXPECT_EQ(done->read_back.state, proxmox ? ReadBack::State::unreadable : ReadBack::State::arrived)
      << done->read_back.text;
  EXPECT_NE(files_of(host), before);
  EXPECT_TRUE(host.plan(card)->nothing) << "a second plan has nothing to do";
  const auto undone = host.undo(card);
  ASSERT_TRUE(undone) << undone.error().message();
  EXPECT_EQ(files_of(host), before);
}

TEST_P(EveryLoader, IsTheSameWhenApplyIsKilledAtAnyStep) {
  int kills = 0;
  const LoaderHost host(GetParam());
  const auto before = files_of(host);
  for (int at = 1;; at += 7) {
    if (!test::killed_at(at, [&](const OnStep& step) -> bool { return static_cast<bool>(host.apply(card, step)); }))
      break;
    ++kills;
    const auto undone = host.undo(card);
    if (!undone) {
      EXPECT_THAT(undone.error().why, HasSubstr("was not run for"));
    }
    ASSERT_EQ(files_of(host), before) << "killed at step " << at;
  }
  EXPECT_GE(kills, 2);
}

TEST_P(EveryLoader, IsTheSameWhenItsProgramDoesNothing) {
  const LoaderHost host(GetParam());
  const auto before = files_of(host);
  auto tools = host.tools();
  tools.run = [](const std::vector<std::string>&) -> Status { return {}; };
  const auto done = apply_passthrough(tools, Sysfs(host.host), card, {force_display, force_host_devices});
  const auto setup = system::boot_setup_of(host.host);
  const bool file_of_loader = setup.update_parameters.empty();
  if (done) {
    EXPECT_TRUE(file_of_loader || std::string(GetParam()).starts_with("pve") || done->edits.parameters.empty());
    return;
  }
  EXPECT_FALSE(file_of_loader);
  EXPECT_EQ(done.error().kind, ErrorKind::failed);
  EXPECT_THAT(done.error().message(), HasSubstr("has no intel_iommu=on iommu=pt"));
  EXPECT_THAT(done.error().message(), HasSubstr("everything is as it was before"));
  EXPECT_EQ(files_of(host), before);
}

INSTANTIATE_TEST_SUITE_P(Hosts, EveryLoader,
                         testing::Values("pve-zfs-grub", "pve-systemd-boot", "cachyos-limine", "cachyos-limine-amd",
                                         "arch-limine", "fedora", "rhel9", "arch-booster", "arch-grub-leftover",
                                         "arch-uki", "arch-uki-firmware", "fedora-uki-dracut", "fedora-uki-ukify",
                                         "arch-refind", "opensuse-grub", "opensuse-sdboot", "003-without-iommu"),
                         [](const testing::TestParamInfo<const char*>& each) {
                           std::string name = each.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// A host whose tool writes an image that has these files.
Result<PassthroughPlan> applied_with(const BootHost& host,
                                     const std::function<std::vector<std::pair<std::string, std::string>>()>& files) {
  auto tools = host.tools();
  tools.run = [&](const std::vector<std::string>& argv) -> Status {
    if (argv.front() == "mkinitcpio")
      return write_file(host.host.in_root("/boot/initramfs-linux.img"), test::cpio_of(files()));
    return host.make_boot(argv);
  };
  return apply_passthrough(tools, Sysfs(host.host), card, {force_display, force_host_devices});
}

TEST(Initramfs, IsReadBack) {
  const LoaderHost host("arch-refind");
  const auto done = applied_with(host, [&] {
    return std::vector{std::pair<std::string, std::string>{modprobe_file + 1, host.text(modprobe_file)}};
  });
  ASSERT_TRUE(done) << done.error().message();
  ASSERT_TRUE(done->initramfs);
  EXPECT_EQ(done->initramfs->state, ReadBack::State::arrived);
  EXPECT_EQ(done->initramfs->text, "/boot/initramfs-linux.img has /etc/modprobe.d/vgpukit-passthrough.conf");
}

TEST(Initramfs, AnImageWithoutTheFileUndoesEverything) {
  for (const auto* content : {"", "options vfio-pci ids=10de:ffff\n"}) {
    const LoaderHost host("arch-refind");
    const auto before = files_of(host);
    const auto done = applied_with(host, [&] {
      std::vector<std::pair<std::string, std::string>> files{{"init", "x"}};
      if (*content) files.emplace_back(modprobe_file + 1, content);
      return files;
    });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, ErrorKind::failed);
    EXPECT_THAT(done.error().message(),
                HasSubstr(std::string("/boot/initramfs-linux.img ") + (*content ? "has an older" : "does not have") +
                          " /etc/modprobe.d/vgpukit-passthrough.conf"));
    EXPECT_THAT(done.error().message(), HasSubstr("mkinitcpio -P"));
    EXPECT_THAT(done.error().message(), HasSubstr("everything is as it was before"));
    EXPECT_EQ(files_of(host), before);
  }
}

TEST(EveryLoader, OthersAreRefusedAndNothingIsWritten) {
  for (const auto* name : {"kinoite", "bootc", "nixos", "two-loaders", "contradiction"}) {
    const BootHost host(name);
    const auto before = files_of(host);
    const auto done = host.apply(card);
    ASSERT_FALSE(done) << name;
    EXPECT_EQ(done.error().kind, ErrorKind::missing) << name;
    EXPECT_THAT(done.error().next, HasSubstr("nothing was changed")) << name;
    EXPECT_EQ(files_of(host), before) << name;
  }
}

TEST(EveryLoader, OstreeGetsCommands) {
  const BootHost host("kinoite");
  const auto plan = host.plan(card);
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->edits.commands.size(), 2U);
  EXPECT_EQ(join(plan->edits.commands[0], " "), "rpm-ostree kargs --append=intel_iommu=on --append=iommu=pt");
  EXPECT_THAT(join(plan->edits.commands[1], " "), HasSubstr("rpm-ostree initramfs --enable"));
  ASSERT_EQ(plan->edits.files.size(), 1U);
  EXPECT_EQ(plan->edits.files[0].path, "/etc/modprobe.d/vgpukit-passthrough.conf");
}

TEST(EveryLoader, FedoraGetsGrubbyAndAnEntryWithoutPassthrough) {
  const LoaderHost host("fedora");
  const auto done = host.apply(card);
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_THAT(done->edits.commands, testing::Contains(testing::ElementsAre("grubby", "--update-kernel=ALL",
                                                                           "--args=intel_iommu=on iommu=pt")));
  EXPECT_THAT(host.text("/boot/loader/entries/abc-6.17.1-300.fc43.x86_64.conf"),
              HasSubstr(" rw intel_iommu=on iommu=pt\n"));
  const auto recovery = host.text("/boot/loader/entries/00-without-passthrough-abc-6.17.1-300.fc43.x86_64.conf");
  EXPECT_THAT(recovery, HasSubstr("rw module_blacklist=vfio_pci"));
  EXPECT_THAT(recovery, Not(HasSubstr("iommu=")));
  // A kernel that was installed since has the parameters in an entry of its own; an old one was removed.
  host.tree.file("boot/loader/entries/abc-6.18.conf",
                 "title New\nlinux /vmlinuz-6.18\noptions root=x intel_iommu=on iommu=pt\n");
  fs::remove(host.host.in_root("/boot/loader/entries/abc-6.17.1-300.fc43.x86_64.conf"));
  const auto undone = host.undo(card);
  ASSERT_TRUE(undone) << undone.error().message();
  EXPECT_THAT(undone->commands, testing::Contains(testing::ElementsAre("grubby", "--update-kernel=/boot/vmlinuz-6.18",
                                                                       "--remove-args=intel_iommu=on iommu=pt")));
  EXPECT_FALSE(host.has("/boot/loader/entries/abc-6.17.1-300.fc43.x86_64.conf"));
}

TEST(EveryLoader, WindowsLineEndsAndAMissingLastNewlineStay) {
  for (const auto* end : {"\r\n", ""}) {
    const LoaderHost refind("arch-refind");
    refind.tree.file("boot/refind_linux.conf", std::string("\"Boot\" \"root=x rw\"") + end);
    refind.tree.file("boot/loader/entries/old.conf", "");
    const auto before = files_of(refind);
    const auto done = refind.apply(card);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_THAT(refind.text("/boot/refind_linux.conf"),
                testing::StartsWith("\"Boot\" \"root=x rw intel_iommu=on iommu=pt\""));
    ASSERT_TRUE(refind.undo(card));
    EXPECT_EQ(files_of(refind), before);

    const LoaderHost entries("arch-booster");
    entries.tree.file(
        "boot/loader/entries/arch.conf",
        std::string("title Arch\nlinux /vmlinuz-linux\ninitrd /booster-linux.img\noptions root=x rw") + end);
    entries.tree.file("etc/booster.yaml", std::string("compression: zstd") + end);
    ASSERT_TRUE(entries.make_boot({"booster"}));
    const auto all = files_of(entries);
    ASSERT_TRUE(entries.apply(card));
    EXPECT_THAT(entries.text("/boot/loader/entries/arch.conf"),
                HasSubstr("options root=x rw intel_iommu=on iommu=pt" + std::string(end)));
    EXPECT_THAT(entries.text("/etc/booster.yaml"), HasSubstr("modules_force_load: vfio_pci,vfio,vfio_iommu_type1"));
    ASSERT_TRUE(entries.undo(card));
    EXPECT_EQ(files_of(entries), all);
  }
}

TEST(EveryLoader, ALineThatTheKernelWouldCutIsRefused) {
  const LoaderHost host("arch-uki");
  host.tree.file("proc/cmdline", "root=x " + std::string(4096, 'a') + "\n");
  const auto before = files_of(host);
  const auto done = host.apply(card);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::usage);
  EXPECT_THAT(done.error().message(), HasSubstr("/proc/cmdline has 4103 characters"));
  EXPECT_EQ(files_of(host), before);
}

TEST(EveryLoader, AReadOnlyEtcIsSaidAndNothingIsWritten) {
  if (!test::use_own_mounts()) GTEST_SKIP() << "nothing can be mounted here";
  const LoaderHost host("arch-booster");
  const auto etc = host.host.in_root("/etc");
  ASSERT_EQ(::mount(etc.c_str(), etc.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::mount(nullptr, etc.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
  const auto before = files_of(host);
  const auto done = host.apply(card);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::denied);
  EXPECT_THAT(done.error().message(), HasSubstr("/etc: Read-only file system"));
  EXPECT_THAT(done.error().next, HasSubstr("nothing was changed"));
  EXPECT_EQ(files_of(host), before);
  ::umount2(etc.c_str(), MNT_DETACH);
}

TEST(EveryLoader, ACardThatVanishedIsNamedAndNothingIsWritten) {
  const LoaderHost host("003-without-iommu");
  const auto before = files_of(host);
  auto tools = host.tools();
  tools.on_step = [&](std::string_view step) {
    if (step == "begin") fs::remove(host.host.reach("/sys/bus/pci/devices/0000:01:00.0"));
  };
  const auto done = apply_passthrough(tools, Sysfs(host.host), card, {force_display});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::usage);
  EXPECT_THAT(done.error().message(), HasSubstr("0000:01:00.0"));
  host.tree.link("sys/bus/pci/devices/0000:01:00.0", "../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0");
  EXPECT_EQ(files_of(host), before);
}

}  // namespace
}  // namespace vgpukit::passthrough
