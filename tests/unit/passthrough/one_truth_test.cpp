// passthrough plan and doctor agree on every host of tests/fixtures/hosts: what plan writes, doctor finds right; what
// doctor demands, plan writes; and after the reboot both have nothing more to ask for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "doctor/doctor.hpp"
#include "passthrough/boot_host.hpp"

namespace vgpukit::passthrough {
namespace {

using test::BootHost;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

struct AnyHost : BootHost {
  explicit AnyHost(const std::string& name) : test::BootHost(name) {
    if (!has("/lib/modules")) kernel("6.8.12-4-pve", {"vfio/vfio", "vfio/pci/vfio-pci", "vfio/vfio_iommu_type1"});
  }
  [[nodiscard]] doctor::Findings doctor() const {
    const Sysfs sysfs(host);
    const auto view = doctor::read_host_view(host, sysfs);
    return doctor::run_checks(doctor::host_checks(), {view, sysfs});
  }
  void add_to_cmdline(const std::vector<std::string>& words) const {
    auto line = first_line(text("/proc/cmdline"));
    for (const auto& word : words)
      if (!contains(" " + line + " ", " " + word + " ")) append(line, word, " ");
    tree.file("proc/cmdline", line + "\n");
  }
};

// The parameters that doctor says to add for this card or for the host.
std::set<std::string> demanded(const doctor::Findings& findings, const std::string& card) {
  std::set<std::string> all;
  for (const auto& finding : findings) {
    if (!finding.subject.empty() && finding.subject != card) continue;
    for (const std::string before : {"add ", "--append=", "--args="}) {
      const auto at = finding.next.find(before);
      if (at == std::string::npos || finding.id == "cards.here") continue;
      const auto word = std::string(words_of(finding.next.substr(at + before.size()), " ,").front());
      if (word.find('=') != std::string::npos) all.insert(word);
    }
  }
  return all;
}

std::vector<std::string> hosts() {
  std::vector<std::string> names;
  for (const auto& path : entries_of(fs::path(VGPUKIT_SOURCE_DIR) / "tests/fixtures/hosts"))
    if (path.extension() == ".host" && path.stem() != "002-gtx1060-guest") names.push_back(path.stem().string());
  return names;
}

TEST(OneTruth, PlanAndDoctorAgreeOnEveryHost) {
  int cards = 0;
  for (const auto& name : hosts()) {
    const AnyHost first(name);
    const auto pci = first.pci();
    for (const auto* card : pci.nvidia_cards()) {
      if (card->is_virtual_function) continue;
      ++cards;
      const auto where = name + " " + card->address;
      const AnyHost host(name);
      const auto plan = host.plan(card->address);
      ASSERT_TRUE(plan) << where << ": " << plan.error().message();
      const auto& words = plan->edits.parameters;
      for (const auto& word : demanded(host.doctor(), card->address)) {
        EXPECT_THAT(words, Contains(word)) << where << ": doctor demands it, and plan does not write it";
      }
      host.add_to_cmdline(words);
      const auto findings = host.doctor();
      for (const auto& finding : findings) {
        if (!finding.id.starts_with("parameters.")) continue;
        for (const auto& evidence : finding.evidence) {
          EXPECT_THAT(words, Not(Contains(evidence.value))) << where << ": plan writes it, and doctor calls it wrong";
        }
      }
      for (const auto& word : demanded(findings, card->address)) {
        EXPECT_THAT(words, Not(Contains(word))) << where << ": doctor demands again what is set";
      }
    }
  }
  EXPECT_GT(cards, 20);
}

// The framebuffer of simpledrm.host: the plan, the reboot, and then nothing more.
TEST(OneTruth, TheFramebuffersParameterIsWrittenOnce) {
  const AnyHost host("simpledrm");
  host.tree.file("proc/sys/kernel/random/boot_id", "one\n");
  ASSERT_TRUE(host.make_boot({"update-grub"}));
  const auto done = host.apply("01:00.0");
  ASSERT_TRUE(done) << done.error().message();
  const std::string word = "initcall_blacklist=simpledrm_platform_driver_init";
  EXPECT_THAT(done->edits.parameters, Contains(word));
  EXPECT_THAT(host.text("/etc/default/grub"), Not(HasSubstr("sysfb_init")));
  EXPECT_TRUE(applied_in_this_boot(host.host));
  EXPECT_TRUE(host.plan("01:00.0")->nothing);
  // After the reboot the framebuffer is free.
  host.add_to_cmdline(done->edits.parameters);
  host.tree.file("proc/sys/kernel/random/boot_id", "two\n");
  EXPECT_FALSE(applied_in_this_boot(host.host));
  fs::remove(host.host.reach("/sys/bus/platform/drivers/simple-framebuffer/simple-framebuffer.0"));
  EXPECT_TRUE(host.plan("01:00.0")->nothing) << "the parameter stays, because it is in effect";
  // A kernel that does not heed it: neither plan nor doctor asks for it again.
  host.tree.link("sys/bus/platform/drivers/simple-framebuffer/simple-framebuffer.0",
                 "../../../../devices/platform/simple-framebuffer.0");
  const auto plan = host.plan("01:00.0");
  EXPECT_THAT(plan->edits.parameters, Not(Contains(word)));
  EXPECT_THAT(plan->card.warnings, Contains(HasSubstr("the kernel does not heed it")));
  EXPECT_THAT(demanded(host.doctor(), "0000:01:00.0"), testing::IsEmpty());
  ASSERT_TRUE(host.apply("01:00.0"));
  EXPECT_TRUE(host.plan("01:00.0")->nothing) << "it ends";
}

TEST(OneTruth, IommuParametersStayAfterTheReboot) {
  const AnyHost host("003-without-iommu");
  ASSERT_TRUE(host.make_boot({"update-grub"}));
  const auto done = host.apply("01:00.0");
  ASSERT_TRUE(done) << done.error().message();
  host.add_to_cmdline(done->edits.parameters);
  for (const auto* function : {"0", "1", "2", "3"}) {
    const auto device = std::string("sys/devices/pci0000:00/0000:00:01.0/0000:01:00.") + function;
    host.tree.link_to(device + "/iommu_group", "sys/kernel/iommu_groups/1");
    host.tree.link_to(std::string("sys/kernel/iommu_groups/1/devices/0000:01:00.") + function, device);
  }
  host.tree.file("sys/kernel/iommu_groups/1/type", "DMA-FQ\n");
  const auto plan = host.plan("01:00.0");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->edits.parameters, (std::vector<std::string>{"intel_iommu=on", "iommu=pt"}));
  EXPECT_TRUE(plan->nothing);
}

}  // namespace
}  // namespace vgpukit::passthrough
