#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "doctor/checks.hpp"
#include "doctor/doctor_host.hpp"

namespace vgpukit::doctor {
namespace {

using test::only;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(GuestCheck, TheHypervisorIsSeen) {
  test::DoctorHost host("002-gtx1060-guest");
  host.tree.file("var/log/dmesg",
                 "Hypervisor detected: KVM\nNVRM: loading NVIDIA UNIX x86_64 Kernel Module  450.66  Wed\n");
  EXPECT_EQ(only(host.run(check::guest_hidden)).state, State::fail);
  host.tree.file("var/log/dmesg", "NVRM: loading NVIDIA UNIX Open Kernel Module for x86_64  535.98  Wed\n");
  EXPECT_THAT(host.run(check::guest_hidden), IsEmpty());
  EXPECT_EQ(only(host.run(check::guest_init)).state, State::ok);
}

TEST(GuestCheck, WhatElseTheLogTells) {
  struct Case {
    const char* line;
    Findings (*check)(const CheckInput&);
    const char* next;
  };
  for (const auto& each :
       {Case{"NVRM: This PCI I/O region assigned to your NVIDIA device is invalid:", check::guest_memory,
             "firmware='efi'"},
        Case{"Loading of module with unavailable key is rejected", check::guest_secure_boot, "secure-boot"},
        Case{"NVRM: GPU 0000:05:00.0 installed in this system is supported through the NVIDIA 470.xx Legacy drivers.",
             check::guest_branch, "card.branch"},
        Case{"NVRM: RmInitAdapter failed! (0x26)\nNVRM: GPU 0000:05:00.0 has fallen off the bus", check::guest_init,
             "reboot the host"}}) {
    test::DoctorHost host;
    host.tree.file("var/log/dmesg", each.line);
    const auto finding = only(host.run(each.check));
    EXPECT_EQ(finding.state, State::fail) << each.line;
    EXPECT_THAT(finding.next, HasSubstr(each.next));
  }
}

TEST(GuestCheck, NoCardAndNoLog) {
  EXPECT_EQ(only(test::DoctorHost().run(check::guest_card)).state, State::unknown);
  test::DoctorHost host;
  host.tree.file("var/log/dmesg", "Linux version 6.1\n");
  EXPECT_EQ(only(host.run(check::guest_card)).state, State::fail);
  host.tree.file("var/log/dmesg", "NVRM: No NVIDIA GPU found.\n");
  EXPECT_THAT(host.run(check::guest_card), IsEmpty()) << "a log alone";
  host.tree.pci("0000:00:02.0", {{"id", "1b36:0100"}, {"class", "030000"}});
  EXPECT_EQ(only(host.run(check::guest_card)).state, State::fail)
      << "the driver is loaded, but the machine has no card for it";
}

}  // namespace
}  // namespace vgpukit::doctor
