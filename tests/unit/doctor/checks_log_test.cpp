#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "doctor/checks.hpp"
#include "doctor/doctor_host.hpp"

namespace vgpukit::doctor {
namespace {

using test::only;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// The host "healthy" (a Tesla P4 at 0000:01:00.0 behind 0000:00:01.0) with this kernel log.
Findings found(const std::string& log) {
  const test::DoctorHost host("healthy");
  host.tree.file("var/log/dmesg", "[    0.000000] Linux version 6.12\n" + log);
  return host.run(check::card_log);
}

TEST(CardLog, D3coldHasTwoWaysOut) {
  const test::DoctorHost host("d3cold");
  const auto finding = only(host.run(check::card_log));
  EXPECT_EQ(finding.state, State::fail);
  EXPECT_EQ(finding.subject, "0000:01:00.0");
  EXPECT_THAT(finding.what, HasSubstr("D3cold"));
  EXPECT_THAT(finding.next, HasSubstr("disable_idle_d3=1"));
  EXPECT_THAT(finding.next, HasSubstr("/sys/bus/pci/devices/0000:01:00.0/d3cold_allowed"));
  EXPECT_THAT(finding.evidence.front().value, HasSubstr("device inaccessible (and 1 more)"));
}

TEST(CardLog, EachLineHasItsMeaning) {
  const std::vector<std::pair<const char*, const char*>> lines = {
      {"[ 9.1] NVRM: Xid (PCI:0000:01:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
       "Xid 79: the card has fallen off the bus"},
      {"[ 9.1] NVRM: Xid (PCI:0000:01:00): 119, Timeout waiting for RPC from GSP0!", "firmware (GSP) does not answer"},
      {"[ 9.1] NVRM: GPU 0000:01:00.0: GPU has fallen off the bus.", "the card has fallen off the bus"},
      {"[ 9.1] NVRM: The NVIDIA GPU 0000:01:00.0\n               NVRM: (PCI ID: 10de:1bb3) installed in this system "
       "has\n               NVRM: fallen off the bus and is not responding to commands.",
       "the card has fallen off the bus"},
      {"[ 9.1] NVRM: This PCI I/O region assigned to your NVIDIA device is invalid:\n               NVRM: BAR1 is 0M @ "
       "0x0 (PCI:0000:01:00.0)",
       "no valid address"},
      {"[ 9.1] pci 0000:01:00.0: BAR 1 [mem size 0x10000000 64bit pref]: can't assign; no space",
       "no address space for the card's memory"},
      {"[ 9.1] pci 0000:01:00.0: BAR 1: failed to assign [mem size 0x10000000 64bit pref]",
       "no address space for the card's memory"},
      {"[ 9.1] pci 0000:01:00.0: VF BAR 2 [mem size 0x10000000 64bit pref]: can't assign; no space",
       "the memory of the card's virtual functions"},
      {"[ 9.1] NVRM: RmInitAdapter: Cannot initialize GSP firmware RM", "(GSP) did not start"},
      {"[ 9.1] NVRM: _kgspBootGspRm: unexpected WPR2 already up, cannot proceed with booting GSP", "still runs"},
      {"[ 9.1] NVRM: GPU 0000:01:00.0: RmInitAdapter failed! (0x22:0x56:894)", "could not start the card"},
      {"[ 9.1] vfio-pci 0000:01:00.0: not ready 65535ms after bus reset; giving up", "did not come back after a reset"},
      {"[ 9.1] nvidia 0000:01:00.0: PCIe Bus Error: severity=Uncorrected (Fatal), type=Transaction Layer",
       "a fatal PCI Express error"},
      {"[ 9.1] pcieport 0000:00:01.0: Unable to change power state from D3cold to D0, device inaccessible", "D3cold"},
      {"[ 9.1] vfio-pci 0000:01:00.0: can't change power state from D3hot to D0 (config space inaccessible)",
       "a low power state"},
      {"[ 9.1] NVRM: GSP RM heartbeat timed out", "(GSP) failed"},
      {"[ 9.1] NVRM: _kgspBootGspRm: (the GPU is likely in a bad state and may need to be reset)", "(GSP) failed"},
      {"[ 9.1] nvidia: probe of 0000:01:00.0 failed with error -1", "refused the card"},
      {"[ 9.1] nvidia 0000:01:00.0: probe with driver nvidia failed with error -1", "refused the card"},
      {"[ 9.1] vfio-pci 0000:01:00.0: BAR 1: can't reserve [mem 0xc0000000-0xc0ffffff 64bit pref]", "framebuffer"},
      {"[ 9.1] NVRM: API mismatch: the client has the version 535.129.03, but", "different driver versions"},
      {"[ 9.1] nvidia 0000:01:00.0: not enough MMIO resources for SR-IOV", "virtual functions"},
  };
  for (const auto& [line, what] : lines) {
    const auto findings = found(std::string(line) + "\n");
    ASSERT_THAT(findings, SizeIs(1)) << line;
    EXPECT_EQ(findings.front().state, State::fail) << line;
    EXPECT_THAT(findings.front().what, HasSubstr(what)) << line;
    EXPECT_EQ(findings.front().subject, "0000:01:00.0") << line;
    EXPECT_THAT(findings.front().why, testing::Not(IsEmpty())) << line;
    EXPECT_THAT(findings.front().next, testing::Not(IsEmpty())) << line;
    EXPECT_THAT(findings.front().next, testing::Not(HasSubstr("CARD"))) << line;
  }
}

TEST(CardLog, WhatIsNoFaultOfTheCardIsNotReported) {
  const std::vector<const char*> lines = {
      "[ 9.1] nvme 0000:02:00.0: Unable to change power state from D3cold to D0, device inaccessible",
      "[ 9.1] NVRM: Xid (PCI:0000:01:00): 13, Graphics Exception: ESR 0x404600=0x80000002",
      "[ 9.1] pci 0000:01:00.0: BAR 1 [mem size 0x10000000 64bit pref]: can't assign; no space\n"
      "[ 9.2] pci 0000:01:00.0: BAR 1 [mem 0xc0000000-0xcfffffff 64bit pref]: assigned",
      "[ 9.1] pci 0000:01:00.0: BAR 6: failed to assign [mem size 0x00080000 pref]",
      "[ 9.1] pci 0000:01:00.0: BAR 5: no space for [io  size 0x0080]",
      "[ 9.1] vfio-pci 0000:01:00.0: timed out waiting for pending transaction; performing function level reset anyway",
      "[ 9.1] NVRM: nvAssertOkFailedNoLog: Assertion failed: Call not supported @ kernel_gsp.c:1",
      "[ 9.1] nvidia-gpu 0000:01:00.3: probe of 0000:01:00.3 failed with error -110",
      "[ 9.1] NVRM: loading NVIDIA UNIX x86_64 Kernel Module  535.129.03",
  };
  for (const auto* line : lines) EXPECT_THAT(found(std::string(line) + "\n"), IsEmpty()) << line;
}

TEST(CardLog, ACardThatIsGoneFromTheBusIsNamed) {
  const auto finding = only(found("[ 9.1] NVRM: Xid (PCI:0000:42:00): 79, GPU has fallen off the bus.\n"));
  EXPECT_EQ(finding.subject, "0000:42:00.0");
}

TEST(CardLog, TheAudioFunctionBelongsToItsCard) {
  const test::DoctorHost host("d3cold");
  host.tree.file("var/log/dmesg",
                 "[ 1.0] vfio-pci 0000:01:00.1: Unable to change power state from D3cold to D0, device inaccessible\n");
  EXPECT_EQ(only(host.run(check::card_log)).subject, "0000:01:00.0");
}

}  // namespace
}  // namespace vgpukit::doctor
