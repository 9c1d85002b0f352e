// Hosts of tests/fixtures/hosts: doctor finds what is wrong with each, and nothing else.
#include "doctor/doctor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "doctor/checks.hpp"
#include "doctor/doctor_host.hpp"

namespace vgpukit::doctor {
namespace {

using test::only;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Doctor, AHealthyHostHasNothing) {
  const test::DoctorHost host("healthy");
  EXPECT_THAT(host.problems(), IsEmpty());
  EXPECT_GT(host.run().size(), 8u);
}

TEST(Doctor, Host000TheSlotOfTheProcessorHasItsOwnGroup) {
  EXPECT_THAT(test::DoctorHost("000-tesla-p4").problems(), IsEmpty());
}

TEST(Doctor, Host000TheOtherSlotSharesItsGroup) {
  const test::DoctorHost host("000-second-slot");
  EXPECT_THAT(host.problems(), ElementsAre("warn card.group 0000:04:00.0"));
  const auto finding = only(host.run(check::card_group));
  EXPECT_THAT(finding.what, HasSubstr("group 15 with 3 other devices"));
  EXPECT_THAT(finding.next, HasSubstr("the slot behind 0000:00:03.1"));
  ASSERT_EQ(finding.evidence.size(), 4u);
  EXPECT_THAT(finding.evidence[2].value, HasSubstr("SATA controller 1022:43eb): a disk may be on it"));
}

TEST(Doctor, Host000OneDriverForBothCards) {
  const test::DoctorHost host("000-two-cards");
  EXPECT_THAT(host.problems(), ElementsAre("warn display.boot-vga 0000:03:00.0", "warn cards.one-driver"));
  const auto finding = only(host.run(check::cards_one_driver));
  EXPECT_THAT(finding.what, HasSubstr("no driver newer than 470"));
  EXPECT_THAT(finding.evidence.front().value, HasSubstr("GeForce GT 730 (GK208, Kepler)"));
}

TEST(Doctor, Host001WhyTheHostFrozeAndWhyItIsSlow) {
  const test::DoctorHost host("001-rtx2080ti-frozen");
  EXPECT_THAT(host.problems(),
              ElementsAre("fail parameters.harmful", "fail parameters.harmful", "warn parameters.harmful",
                          "warn parameters.harmful", "warn display.boot-vga 0000:83:00.0",
                          "fail display.framebuffer 0000:83:00.0", "fail card.functions 0000:83:00.2"));
  const auto framebuffer = only(host.run(check::display_framebuffer));
  EXPECT_EQ(framebuffer.what, "the firmware's framebuffer (efifb) holds the card's memory");
  EXPECT_THAT(framebuffer.next,
              HasSubstr("add video=efifb:off to GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, then update-grub"));
  ASSERT_EQ(framebuffer.evidence.size(), 2u);
  EXPECT_THAT(framebuffer.evidence[1].value, HasSubstr("vgaarb: changed VGA decodes"));
  EXPECT_THAT(only(host.run(check::display_boot_vga)).next, HasSubstr("set the primary display to onboard"));
  EXPECT_THAT(only(host.run(check::card_functions)).what, HasSubstr("USB controller still belongs to xhci_hcd"));
  const auto harmful = host.run(check::parameters_harmful);
  EXPECT_THAT(harmful.front().next, HasSubstr("remove pci=nomsi from GRUB_CMDLINE_LINUX_DEFAULT"));
}

TEST(Doctor, Host002TheHost) {
  EXPECT_THAT(test::DoctorHost("002-gtx1060-laptop").problems(), ElementsAre("fail card.driver 0000:01:00.0"));
}

TEST(Doctor, Host002TheGuestSaysWhichRomIsMissing) {
  const test::DoctorHost host("002-gtx1060-guest");
  EXPECT_THAT(host.problems(guest_checks()),
              ElementsAre("fail guest.vbios", "warn guest.msi", "fail guest.init", "warn guest.hidden"));
  const auto vbios = only(host.run(check::guest_vbios));
  EXPECT_THAT(vbios.next, HasSubstr("passthrough rom"));
  EXPECT_THAT(vbios.evidence.front().value, HasSubstr("GPU 0000:07:00.0: Failed to copy vbios to system memory."));
  EXPECT_THAT(only(host.run(check::guest_init)).next, HasSubstr("guest.vbios"));
  EXPECT_THAT(only(host.run(check::guest_hidden)).next, HasSubstr("--guest-driver 450.66"));
}

TEST(Doctor, Host003NouveauHasTheCard) {
  const test::DoctorHost host("003-rtx2080ti-debian");
  EXPECT_THAT(host.problems(), ElementsAre("fail card.driver 0000:01:00.0"));
  // The root port in the group stays with the host.
  EXPECT_EQ(only(host.run(check::card_group)).state, State::ok);
}

TEST(Doctor, Host003BeforeItsFirstStep) {
  const test::DoctorHost host("003-without-iommu");
  EXPECT_THAT(host.problems(), ElementsAre("fail iommu.on", "fail card.driver 0000:01:00.0"));
  EXPECT_THAT(only(host.run(check::iommu_on)).next, HasSubstr("add intel_iommu=on to GRUB_CMDLINE_LINUX_DEFAULT"));
}

TEST(Doctor, Host004TheParameterThatDoesNothing) {
  const test::DoctorHost host("004-rx460-manjaro");
  EXPECT_THAT(host.problems(), ElementsAre("warn parameters.useless", "warn cards.here"));
  const auto useless = only(host.run(check::parameters_useless));
  EXPECT_THAT(useless.evidence.back().value, HasSubstr("Unknown option"));
  EXPECT_THAT(useless.next, HasSubstr("grub-mkconfig -o /boot/grub/grub.cfg"));
}

TEST(Doctor, Host004TheIdOfTheMaker) {
  const test::DoctorHost host("004-maker-id");
  EXPECT_THAT(host.problems(), ElementsAre("warn parameters.useless", "warn cards.here", "fail vfio.ids 0000:01:00.0"));
  EXPECT_THAT(only(host.run(check::vfio_ids)).next, HasSubstr("write 1002:67ef instead"));
}

}  // namespace
}  // namespace vgpukit::doctor
