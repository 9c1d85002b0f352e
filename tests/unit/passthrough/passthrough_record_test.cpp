#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "passthrough/boot_host.hpp"
#include "support/json_file.hpp"
#include "support/killed_at.hpp"
#include "support/process.hpp"
#include "support/state_of_0_1_0.hpp"

namespace vgpukit::passthrough {
namespace passthrough_record_test {

using test::BootHost;
using testing::HasSubstr;
using testing::Not;

constexpr const char* nvidia = "01:00.0";
constexpr const char* modprobe = "/etc/modprobe.d/vgpukit-passthrough.conf";
constexpr const char* grub = "/etc/default/grub";

struct Debian : BootHost {
  Debian() : test::BootHost("003-without-iommu") {
    usual_kernel();
    tree.file("etc/grub.d/10_linux", "#!/bin/sh\n");
    fs::permissions(host.in_root(grub), fs::perms(0640));
    boot_is_made();
  }
  void second_card() {
    tree.pci("0000:02:00.0",
             {{"id", "10de:2204"}, {"class", "030000"}, {"driver", "nouveau"}, {"group", "9"}, {"boot_vga", "0"}});
  }
};

class EveryHost : public testing::TestWithParam<const char*> {};

TEST_P(EveryHost, IsTheSameByteForByteAfterUndo) {
  const BootHost host(GetParam());
  host.usual_kernel();
  host.boot_is_made();
  const Sysfs sysfs(host.host);
  const auto pci = system::read_pci_devices(sysfs);
  ASSERT_FALSE(pci.nvidia_cards().empty());
  for (const auto* card : pci.nvidia_cards()) {
    const auto before = host.all();
    const auto done = host.apply(card->address);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_NE(host.all(), before);
    const auto undone = host.undo(card->address);
    ASSERT_TRUE(undone) << undone.error().message();
    EXPECT_EQ(host.all(), before);
  }
}

// Undo finishes or takes back what a crash has left, and then has something to do or has not. Its lock and state
// folders may stay.
std::map<std::string, std::string> after_undo(const BootHost& host, const std::string& card) {
  const auto undone = host.undo(card);
  if (!undone) {
    EXPECT_THAT(undone.error().why, HasSubstr("was not run for"));
  }
  auto after = host.all();
  for (const auto* ours : {"/var/lib/vgpukit", "/var/lib/vgpukit/passthrough", "/var/lib/vgpukit/passthrough/lock"})
    after.erase(ours);
  return after;
}

// On one host every step is tried (below); here some on each.
TEST_P(EveryHost, IsTheSameByteForByteWhenApplyIsKilledInItsMiddle) {
  int kills = 0;
  for (int at = 3;; at += 6) {
    const BootHost host(GetParam());
    host.usual_kernel();
    host.boot_is_made();
    const auto card = system::read_pci_devices(Sysfs(host.host)).nvidia_cards().front()->address;
    const auto before = host.all();
    if (!test::killed_at(at, [&](const OnStep& step) -> bool { return static_cast<bool>(host.apply(card, step)); }))
      break;
    ++kills;
    EXPECT_EQ(after_undo(host, card), before) << "killed at step " << at;
  }
  EXPECT_GE(kills, 2);
}

INSTANTIATE_TEST_SUITE_P(Seeds, EveryHost,
                         testing::Values("000-second-slot", "000-tesla-p4", "000-two-cards", "001-rtx2080ti-frozen",
                                         "002-gtx1060-laptop", "003-rtx2080ti-debian", "003-without-iommu", "healthy"),
                         [](const testing::TestParamInfo<const char*>& each) {
                           std::string name = each.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(PassthroughUndo, ModesAndOwnersAreKept) {
  const Debian host;
  ASSERT_TRUE(host.apply(nvidia));
  EXPECT_EQ(fs::status(host.host.in_root(grub)).permissions(), fs::perms(0640));
  EXPECT_EQ(fs::status(host.host.in_root("/etc/grub.d/99_vgpukit_without_passthrough")).permissions(), fs::perms(0755));
}

TEST(PassthroughUndo, KilledAtAnyStepOfApplyUndoHasEveryByteBack) {
  int at = 0;
  for (bool killed = true; killed; ++at) {
    const Debian host;
    const auto before = host.all();
    killed =
        test::killed_at(at, [&](const OnStep& step) -> bool { return static_cast<bool>(host.apply(nvidia, step)); });
    EXPECT_EQ(after_undo(host, nvidia), before) << "killed at step " << at;
  }
  EXPECT_GT(at, 15);
}

TEST(PassthroughUndo, KilledAtAnyStepOfUndoAllIsTakenBackOrAllIsThere) {
  int at = 0;
  for (bool killed = true; killed; ++at) {
    const Debian host;
    const auto before = host.all();
    ASSERT_TRUE(host.apply(nvidia));
    const auto applied = host.text(modprobe);
    killed =
        test::killed_at(at, [&](const OnStep& step) -> bool { return static_cast<bool>(host.undo(nvidia, step)); });
    const auto again = host.apply(nvidia);
    ASSERT_TRUE(again) << "step " << at << ": " << again.error().message();
    EXPECT_EQ(host.text(modprobe), applied);
    ASSERT_TRUE(host.undo(nvidia));
    EXPECT_EQ(host.all(), before) << "killed at step " << at;
  }
  EXPECT_GT(at, 8);
}

// update-initramfs ends with vgpukit, and a program that it has started as a daemon does not.
TEST(PassthroughUndo, AProgramOfAKilledApplyIsWaitedFor) {
  const Debian host;
  const auto before = host.all();
  const auto path = [&](const char* name) { return (host.folder / name).string(); };
  const pid_t child = ::fork();
  if (child == 0) {
    auto tools = host.tools();
    tools.run = [&](const std::vector<std::string>&) -> Status {
      Command command;
      command.argv = {"sh", "-c",
                      "setsid sh -c 'touch " + path("started") + "; until [ -e " + path("go") +
                          " ]; do sleep 0.01; done; echo late >" + path("boot/initrd.img-6.12.9") + "'; exit"};
      TRY(vgpukit::run(command));
      return {};
    };
    ::_exit(apply_passthrough(tools, Sysfs(host.host), nvidia, {}) ? 0 : 1);
  }
  while (!host.has("/started")) ::usleep(1000);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  {
    const auto lock = FileLock::try_acquire(host.host.in_root("/var/lib/vgpukit/passthrough/lock"));
    ASSERT_TRUE(write_file(path("go"), ""));
    ASSERT_TRUE(lock);
    ASSERT_FALSE(lock->held()) << "its program still runs";
  }
  fs::remove(path("started"));
  auto after = after_undo(host, nvidia);
  after.erase("/go");
  EXPECT_EQ(after, before);
}

TEST(PassthroughUndo, AProgramThatFailsLeavesEverythingAsItWas) {
  const Debian host;
  const auto before = host.all();
  auto tools = host.tools();
  tools.run = [&](const std::vector<std::string>& argv) -> Status {
    if (argv.front() == "update-grub") return Error{ErrorKind::failed, "run update-grub", "no space left", ""};
    return host.make_boot(argv);
  };
  const auto done = apply_passthrough(tools, Sysfs(host.host), nvidia, {});
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().next, HasSubstr("everything is as it was before"));
  EXPECT_EQ(host.all(), before) << "the initramfs that had been made, too";
}

TEST(PassthroughUndo, AChangeOfTheUsersStays) {
  const Debian host;
  ASSERT_TRUE(host.apply(nvidia));
  host.tree.file("etc/default/grub", "GRUB_DEFAULT=2\n" + host.text(grub).substr(host.text(grub).find('\n') + 1));
  const auto undone = host.undo(nvidia);
  ASSERT_TRUE(undone) << undone.error().message();
  EXPECT_THAT(undone->notes, testing::ElementsAre(HasSubstr("/etc/default/grub was changed by somebody else")));
  EXPECT_EQ(host.text(grub),
            "GRUB_DEFAULT=2\nGRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"\"\n");
}

TEST(PassthroughUndo, AChangeOfTheSameLineIsNotLost) {
  const Debian host;
  ASSERT_TRUE(host.apply(nvidia));
  const std::string theirs = "GRUB_CMDLINE_LINUX_DEFAULT=\"splash intel_iommu=on iommu=pt\"\n";
  host.tree.file("etc/default/grub", theirs);
  host.tree.file("etc/modprobe.d/vgpukit-passthrough.conf", host.text(modprobe) + "options kvm ignore_msrs=1\n");
  const auto applied = host.all();
  const auto refused = host.undo(nvidia);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_THAT(refused.error().why, HasSubstr("/etc/default/grub was changed since, in the lines that vgpukit changed"));
  EXPECT_THAT(refused.error().why, HasSubstr("vgpukit-passthrough.conf: vgpukit made it, and it was changed since"));
  EXPECT_EQ(host.all(), applied);
  ASSERT_TRUE(host.undo(nvidia, {}, true));
  EXPECT_THAT(host.text(grub), HasSubstr("GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n"));
  EXPECT_EQ(host.text("/var/lib/vgpukit/passthrough/overwritten/etc/default/grub"), theirs);
}

TEST(PassthroughUndo, ASecondCardIsTakenBackAlone) {
  Debian host;
  host.second_card();
  const auto before = host.all();
  ASSERT_TRUE(host.apply("02:00.0"));
  const auto second_alone = host.text(modprobe);
  ASSERT_TRUE(host.undo("02:00.0"));
  ASSERT_TRUE(host.apply(nvidia));
  ASSERT_TRUE(host.apply("02:00.0"));
  EXPECT_THAT(host.text(modprobe), HasSubstr("ids=10de:1e04,10de:10f7,10de:1ad6,10de:1ad7,10de:2204\n"));
  const auto undone = host.undo(nvidia);
  ASSERT_TRUE(undone);
  EXPECT_THAT(undone->cards_left, testing::ElementsAre("0000:02:00.0"));
  EXPECT_EQ(host.text(modprobe), second_alone);
  // The card itself needs not be there any more.
  fs::remove(host.host.reach("/sys/bus/pci/devices/0000:02:00.0"));
  ASSERT_TRUE(host.undo("02:00.0"));
  host.tree.link("sys/bus/pci/devices/0000:02:00.0", "../../../devices/pci0000:02/0000:02:00.0");
  EXPECT_EQ(host.text(grub),
            "GRUB_DEFAULT=0\nGRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"\"\n");
  EXPECT_EQ(host.all(), before);
}

// Writes the state as vgpukit 0.1.0 did: its names, one snapshot in working/ itself, next/ beside it, and "last" in the
// journal.
void write_as_0_1_0(const BootHost& host, bool last = false) {
  const auto folder = host.host.in_root("/var/lib/vgpukit/passthrough");
  test::name_as_0_1_0(folder);
  const auto change = [](const fs::path& file, const auto& edit) {
    if (!fs::exists(file)) return;
    auto document = *read_json(file);
    edit(document);
    ASSERT_TRUE(write_file(file, document.dump(1) + "\n"));
  };
  if (fs::exists(folder / "working/next")) fs::rename(folder / "working/next", folder / "next");
  if (fs::exists(folder / "working/old")) fs::rename(folder / "working/old", folder / "old");
  if (fs::exists(folder / "working/kept-0")) {
    fs::rename(folder / "working", folder / "parts");
    fs::rename(folder / "parts/kept-0", folder / "working");
    fs::remove_all(folder / "parts");
  }
  change(folder / "journal.json", [&](nlohmann::json& journal) {
    journal.erase("record");
    journal["last"] = last;
  });
  for (const auto* record : {"applied/record.json", "next/record.json"})
    change(folder / record, [](nlohmann::json& document) {
      for (auto& card : document.at("cards")) {
        card["rivals"] = card.at("competing_modules");
        card.erase("competing_modules");
      }
    });
}

TEST(PassthroughUndo, TakesBackWhat010Applied) {
  const Debian host;
  const auto before = host.all();
  ASSERT_TRUE(host.apply(nvidia));
  write_as_0_1_0(host);
  ASSERT_TRUE(host.has("/var/lib/vgpukit/passthrough/applied/before/kept.json"));
  const auto plan = host.plan(nvidia);
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_TRUE(plan->nothing) << "it is applied already";
  const auto undone = host.undo(nvidia);
  ASSERT_TRUE(undone) << undone.error().message();
  EXPECT_EQ(host.all(), before);
}

TEST(PassthroughUndo, FinishesOrTakesBackWhatAnInterruptedApplyOf010Left) {
  int at = 0;
  for (bool killed = true; killed; ++at) {
    const Debian host;
    const auto before = host.all();
    killed =
        test::killed_at(at, [&](const OnStep& step) -> bool { return static_cast<bool>(host.apply(nvidia, step)); });
    write_as_0_1_0(host);
    EXPECT_EQ(after_undo(host, nvidia), before) << "killed at step " << at;
  }
  EXPECT_GT(at, 15);
}

TEST(PassthroughUndo, FinishesOrTakesBackWhatAnInterruptedUndoOf010Left) {
  int at = 0;
  for (bool killed = true; killed; ++at) {
    const Debian host;
    const auto before = host.all();
    ASSERT_TRUE(host.apply(nvidia));
    killed =
        test::killed_at(at, [&](const OnStep& step) -> bool { return static_cast<bool>(host.undo(nvidia, step)); });
    if (killed) write_as_0_1_0(host, /*last=*/true);
    EXPECT_EQ(after_undo(host, nvidia), before) << "killed at step " << at;
  }
  EXPECT_GT(at, 8);
}

TEST(PassthroughUndo, NothingToUndoIsSaid) {
  const Debian host;
  const auto before = host.all();
  const auto undone = host.undo(nvidia);
  ASSERT_FALSE(undone);
  EXPECT_EQ(undone.error().kind, ErrorKind::usage);
  EXPECT_THAT(undone.error().message(), HasSubstr("nothing is applied here"));
  EXPECT_FALSE(host.undo("what"));
  EXPECT_EQ(host.all(), before);
}

}  // namespace passthrough_record_test
}  // namespace vgpukit::passthrough
