#include "doctor/host_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "doctor/doctor_host.hpp"

namespace vgpukit::doctor {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(HostReport, DoesNotIdentifyTheUserOrTheMachine) {
  EXPECT_EQ(redacted("root=UUID=5d1c4f4e-0a77-4d3e-9a3b-b8f1f5b2c0aa ro cryptdevice=/dev/sda2:home quiet"),
            "root=*** ro cryptdevice=*** quiet");
  EXPECT_EQ(redacted("eth0: 52:54:00:12:34:56 at 192.168.1.7, GPU-1f0e2d3c-0000-4000-8000-000000000001"),
            "eth0: *** at ***, GPU-***");
  EXPECT_EQ(redacted("0000:01:00.0 10de:1e04 6.12.9"), "0000:01:00.0 10de:1e04 6.12.9");
  const test::DoctorHost host("001-rtx2080ti-frozen");
  const auto text = host_report(host.view(), host.run());
  EXPECT_THAT(text, Not(HasSubstr("ubuntu--vg")));
  EXPECT_THAT(text, Not(HasSubstr("buildd")));
  EXPECT_THAT(text, HasSubstr("fail  display.framebuffer 0000:83:00.0"));
  EXPECT_THAT(text, HasSubstr("vgaarb: changed VGA decodes"));
  EXPECT_THAT(text, HasSubstr("0000:83:00.0 (NVIDIA VGA controller 10de:1e04), GeForce RTX 2080 Ti (TU102, Turing), "
                              "driver vfio-pci, group 73"));
}

TEST(HostReport, ALongLineIsCut) {
  const auto all = redacted("root=" + std::string(200'000, 'a') + "\nip=1.2.3.4\n");
  EXPECT_EQ(all, "root=*** (cut here)\nip=***\n");
}

}  // namespace
}  // namespace vgpukit::doctor
