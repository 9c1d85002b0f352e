#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "doctor/checks.hpp"
#include "doctor/doctor_host.hpp"
#include "doctor/verdict.hpp"

namespace vgpukit::doctor {
namespace {

using test::only;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* p4_types = "sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/mdev_supported_types";

std::vector<Verdict> verdicts_of(const test::DoctorHost& host) {
  const Sysfs sysfs(host.host);
  const auto view = host.view();
  return verdicts({view, sysfs}, run_checks(host_checks(), {view, sysfs}));
}

TEST(VgpuChecks, AHostThatIsReadySaysWhatItOffers) {
  const test::DoctorHost host("healthy");
  EXPECT_THAT(only(host.run(check::vgpu_driver)).what, HasSubstr("535.247.02 is one for vGPU hosts"));
  EXPECT_THAT(only(host.run(check::vgpu_card)).what, HasSubstr("vGPUs with driver branches 367 to 535"));
  EXPECT_THAT(only(host.run(check::vgpu_types)).what, HasSubstr("1 vGPU types, 1 of them with instances left"));
  EXPECT_THAT(only(host.run(check::vgpu_guests)).what, HasSubstr("535, 525 and 470"));
  EXPECT_THAT(host.run(check::vgpu_services), SizeIs(2));
  const auto verdict = verdicts_of(host);
  ASSERT_THAT(verdict, SizeIs(2));
  EXPECT_EQ(verdict[0].text, "ready: 0000:01:00.0 offers 1 types");
  EXPECT_EQ(verdict[1].text, "nothing that was checked prevents it");
}

TEST(VgpuChecks, ADriverForWholeCardsIsNoFault) {
  const test::DoctorHost host("000-tesla-p4");
  host.tree.file("sys/module/nvidia/version", "535.247.02\n");
  const auto finding = only(host.run(check::vgpu_driver));
  EXPECT_EQ(finding.state, State::ok);
  EXPECT_THAT(finding.what, HasSubstr("not one for vGPU hosts"));
  EXPECT_THAT(verdicts_of(host)[0].text, HasSubstr("no: the driver 535.247.02 is not one for vGPU hosts"));
}

TEST(VgpuChecks, TheModuleOfTheHostDriverIsNotLoaded) {
  const test::DoctorHost host("000-tesla-p4");
  host.tree.file("usr/bin/nvidia-vgpud", "");
  const auto finding = only(host.run(check::vgpu_driver));
  EXPECT_EQ(finding.state, State::fail);
  EXPECT_EQ(finding.next, "vgpukit load");
}

TEST(VgpuChecks, ADriverThatOffersNoTypes) {
  const test::DoctorHost host("p4-no-types");
  EXPECT_THAT(host.problems(), Contains("fail vgpu.types 0000:01:00.0"));
  EXPECT_EQ(only(host.run(check::vgpu_card)).state, State::ok);
  const auto finding = only(host.run(check::vgpu_types));
  EXPECT_THAT(finding.why, HasSubstr("offers no vGPU types"));
  EXPECT_THAT(finding.why, HasSubstr("nvidia-vgpud.service: "));
  EXPECT_THAT(finding.next, HasSubstr("systemctl status nvidia-vgpud"));
  EXPECT_THAT(verdicts_of(host)[0].text, HasSubstr("vgpu.types 0000:01:00.0"));
}

TEST(VgpuChecks, ACardThatHasNoVgpusWithAnyDriver) {
  const test::DoctorHost host("p2000");
  EXPECT_THAT(host.problems(), Contains("fail vgpu.card 0000:01:00.0"));
  EXPECT_THAT(only(host.run(check::vgpu_card)).what,
              HasSubstr("Quadro P2000 (GP106, Pascal): this card has no vGPUs with any driver"));
  EXPECT_THAT(host.run(check::vgpu_types), IsEmpty()) << "vgpu.card says it";
}

TEST(VgpuChecks, CardsByTheirId) {
  const std::vector<std::tuple<const char*, State, const char*>> cards = {
      {"0x2204", State::fail, "this card has no vGPUs with any driver"},   // GeForce RTX 3090
      {"0x1eb1", State::fail, "this card has no vGPUs with any driver"},   // Quadro RTX 4000
      {"0x24b0", State::fail, "this card has no vGPUs with any driver"},   // RTX A4000
      {"0x1eb8", State::ok, "Tesla T4"},                                   //
      {"0x26b9", State::ok, "L40S"},                                       //
      {"0x2bb5", State::fail, "with driver branches 570 and newer, but"},  // newer than the driver
      {"0x2b85", State::unknown, "it is not in vgpukit's list"},           // GeForce RTX 5090
      {"0x1abc", State::unknown, "whether it has vGPUs is not known"},
  };
  for (const auto& [device, state, what] : cards) {
    const test::DoctorHost host("p2000");
    host.tree.file("sys/bus/pci/devices/0000:01:00.0/device", std::string(device) + "\n");
    const auto finding = only(host.run(check::vgpu_card));
    EXPECT_EQ(finding.state, state) << device;
    EXPECT_THAT(finding.what, HasSubstr(what)) << device;
  }
}

TEST(VgpuChecks, ABranchThatIsTooNewForTheCardsVgpus) {
  const test::DoctorHost host("p4-no-types");
  host.tree.file("sys/module/nvidia/version", "550.54.10\n");
  const auto finding = only(host.run(check::vgpu_card));
  EXPECT_EQ(finding.state, State::fail);
  EXPECT_THAT(finding.what, HasSubstr("367 to 535, but the loaded driver is 550.54.10"));
  EXPECT_THAT(finding.next, HasSubstr("branch 535"));
}

TEST(VgpuChecks, TheLogOfAServiceThatFailed) {
  const test::DoctorHost host("p4-no-types");
  host.tree.file("usr/lib/systemd/system/nvidia-vgpud.service", "[Service]\n");
  host.tree.file("var/log/syslog",
                 "Feb 13 18:44:28 sm1 nvidia-vgpud[2009]: error: failed to send vGPU configuration info to RM: 6\n"
                 "Feb 13 18:44:28 sm1 systemd[1]: nvidia-vgpud.service: Failed with result 'exit-code'.\n");
  const auto findings = host.run(check::vgpu_services);
  ASSERT_THAT(findings, SizeIs(2));
  EXPECT_EQ(findings[0].state, State::fail);
  EXPECT_THAT(findings[0].what, HasSubstr("failed to send vGPU configuration info to RM: 6"));
  EXPECT_THAT(findings[0].next, HasSubstr("journalctl -b -u nvidia-vgpud.service"));
  EXPECT_EQ(findings[1].state, State::fail) << "the root has systemd, but not nvidia-vgpu-mgr";
  EXPECT_THAT(findings[1].what, HasSubstr("there is no such unit"));
}

class Ampere : public test::DoctorHost {
 public:
  Ampere() : DoctorHost("p4-no-types") {
    tree.file(card + "/device", "0x2235\n");  // A40
  }
  std::string card = "sys/bus/pci/devices/0000:01:00.0";
};

TEST(VgpuChecks, SriovIsOffInTheFirmware) {
  const Ampere host;
  const auto finding = only(host.run(check::vgpu_sriov));
  EXPECT_EQ(finding.state, State::fail);
  EXPECT_THAT(finding.next, HasSubstr("switch on SR-IOV"));
  EXPECT_THAT(only(host.run(check::vgpu_types)).why, HasSubstr("shows no SR-IOV"));
}

TEST(VgpuChecks, VirtualFunctionsAreMadeOnDemand) {
  const Ampere host;
  host.tree.file(host.card + "/sriov_totalvfs", "32\n");
  host.tree.file(host.card + "/sriov_numvfs", "0\n");
  const auto finding = only(host.run(check::vgpu_sriov));
  EXPECT_EQ(finding.state, State::ok);
  EXPECT_THAT(finding.what, HasSubstr("32 virtual functions are not made"));
  EXPECT_THAT(host.run(check::vgpu_types), IsEmpty());
  host.tree.file(host.card + "/ari_enabled", "0\n");
  EXPECT_EQ(only(host.run(check::vgpu_sriov)).state, State::warn);
}

TEST(VgpuChecks, FullTypesWithoutAnyVgpu) {
  const test::DoctorHost host("healthy");
  host.tree.file(std::string(p4_types) + "/nvidia-63/available_instances", "0\n");
  EXPECT_EQ(only(host.run(check::vgpu_types)).state, State::fail);
}

TEST(VgpuChecks, TheModesThatNvidiaSmiTells) {
  const test::DoctorHost host("healthy");
  const Sysfs sysfs(host.host);
  auto view = host.view();
  view.smi = {};
  const auto modes = [&](const std::string& mode, const std::string& pending) {
    view.smi.cards.clear();
    system::parse_nvidia_smi(
        "GPU 00000000:01:00.0\n    MIG Mode\n        Current           : Disabled\n"
        "        Pending           : " +
            pending +
            "\n    ECC Mode\n        Current           : Enabled\n    GPU Virtualization Mode\n"
            "        Virtualization Mode               : " +
            mode + "\n        vGPU Heterogeneous Mode           : Disabled\n",
        view.smi);
    system::parse_nvidia_smi("GPU 00000000:01:00.0\n    Scheduler Policy       : Best Effort\n", view.smi);
    return only(check::vgpu_modes({view, sysfs}));
  };
  const auto good = modes("Host VGPU", "Disabled");
  EXPECT_EQ(good.state, State::ok);
  EXPECT_EQ(good.what,
            "virtualization mode Host VGPU, ECC Enabled, MIG Disabled, scheduler Best Effort, mixed sizes Disabled");
  EXPECT_EQ(modes("Host VGPU", "Enabled").state, State::warn);
  EXPECT_EQ(modes("None", "Disabled").state, State::fail);
}

TEST(VgpuChecks, WhatVgpusYamlWantsOfACard) {
  const test::DoctorHost host("healthy");
  host.tree.file("etc/vgpukit/vgpus.yaml",
                 "cards:\n- {card: '0000:01:00.0', gpu-instances: [{profile: 1g.24gb+gfx, count: 2}]}\n");
  const Sysfs sysfs(host.host);
  auto view = host.view();
  const auto modes = [&](const std::string& mig, const std::string& mixed) {
    view.smi = {};
    system::parse_nvidia_smi(
        "GPU 00000000:01:00.0\n    MIG Mode\n        Current           : " + mig +
            "\n        Pending           : " + mig +
            "\n    GPU Virtualization Mode\n        Virtualization Mode               : Host VGPU\n"
            "        vGPU Heterogeneous Mode           : " +
            mixed + "\n",
        view.smi);
    return only(check::vgpu_modes({view, sysfs}));
  };
  EXPECT_EQ(modes("Enabled", "N/A").state, State::ok);
  EXPECT_EQ(modes("Disabled", "N/A").state, State::warn);
  EXPECT_THAT(modes("Disabled", "N/A").next, HasSubstr("vgpukit vgpu apply"));
  EXPECT_THAT(modes("N/A", "N/A").why, HasSubstr("it has no MIG mode"));
  view.vgpu_definitions.cards.front().gpu_instances.clear();
  view.vgpu_definitions.cards.front().mixed_sizes = true;
  EXPECT_EQ(modes("N/A", "Enabled").state, State::ok);
  EXPECT_THAT(modes("N/A", "Disabled").why, HasSubstr("wants mixed sizes on the card, and they are off"));
}

TEST(VgpuChecks, TheUdevRuleOfDebian12) {
  const test::DoctorHost host("healthy");
  host.tree.file("usr/lib/udev/rules.d/60-mdevctl.rules",
                 "ACTION==\"change\", RUN+=\"/bin/sh -c '{ /usr/sbin/mdevctl start-parent-mdevs %k 2>&3; }'\"\n");
  EXPECT_THAT(host.run(check::vgpu_mdevctl), IsEmpty()) << "mdevctl has no definition";
  host.tree.file("etc/mdevctl.d/0000:01:00.0/11111111-2222-4333-8444-555555555555",
                 R"({"mdev_type":"nvidia-63","start":"auto"})");
  const auto finding = only(host.run(check::vgpu_mdevctl));
  EXPECT_EQ(finding.state, State::warn);
  EXPECT_EQ(finding.what, "udev's rule for mdevctl runs /usr/sbin/mdevctl, which does not exist");
  EXPECT_THAT(finding.next, HasSubstr("systemctl enable --now vgpukit-vgpus.service"));
  host.tree.file("etc/systemd/system/multi-user.target.wants/vgpukit-vgpus.service", "");
  EXPECT_EQ(only(host.run(check::vgpu_mdevctl)).state, State::ok);
  fs::remove_all(host.folder / "etc/systemd");
  host.tree.file("usr/sbin/mdevctl", "");
  EXPECT_EQ(only(host.run(check::vgpu_mdevctl)).state, State::ok);
}

TEST(VgpuChecks, WhatCouldNotBeCheckedIsSaid) {
  const test::DoctorHost host("p4-no-types");
  const Sysfs sysfs(host.host);
  const auto view = host.view();
  const auto list = not_checked({view, sysfs}, run_checks(host_checks(), {view, sysfs}));
  EXPECT_THAT(list, Contains(HasSubstr("nvidia-smi is not run for another root")));
}

}  // namespace
}  // namespace vgpukit::doctor
