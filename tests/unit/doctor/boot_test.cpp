#include <gmock/gmock.h>

#include "doctor/checks.hpp"
#include "doctor/doctor_host.hpp"

namespace vgpukit::doctor {
namespace {

using test::DoctorHost;
using test::only;
using testing::HasSubstr;

TEST(BootLoaderCheck, SaysWhatBootedWithItsEvidence) {
  const auto limine = only(DoctorHost("cachyos-limine").run(check::boot_loader));
  EXPECT_EQ(limine.state, State::ok);
  EXPECT_THAT(limine.what, HasSubstr("Limine started this host; the kernel's parameters are in /etc/default/limine"));
  EXPECT_FALSE(limine.evidence.empty());
  const auto both = only(DoctorHost("contradiction").run(check::boot_loader));
  EXPECT_EQ(both.state, State::warn);
  EXPECT_THAT(both.what, HasSubstr("LoaderInfo: systemd-boot"));
  EXPECT_THAT(both.what, HasSubstr("BOOT_IMAGE="));
  EXPECT_EQ(only(DoctorHost("kinoite").run(check::boot_loader)).state, State::ok);
}

TEST(AppliedCheck, SaysWhetherTheParametersArrived) {
  const DoctorHost host("cachyos-limine");
  const Sysfs sysfs(host.host);
  const auto run = [&](bool this_boot) {
    auto view = host.view();
    view.applied = {{"0000:01:00.0", {"intel_iommu=on", "iommu=pt"}, this_boot}};
    return only(check::passthrough_applied({view, sysfs}));
  };
  EXPECT_EQ(run(true).state, State::ok);
  EXPECT_THAT(run(true).what, HasSubstr("with the next boot"));
  EXPECT_EQ(run(false).state, State::fail);
  EXPECT_THAT(run(false).what, HasSubstr("wrote intel_iommu=on iommu=pt, and the kernel did not get it"));
  host.tree.file("proc/cmdline", "quiet intel_iommu=on iommu=pt\n");
  EXPECT_THAT(run(false).what, HasSubstr("nouveau has the card"));
  EXPECT_THAT(run(false).next, HasSubstr("limine-mkinitcpio"));
  host.tree.link("sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/driver", "../../../../bus/pci/drivers/vfio-pci");
  EXPECT_EQ(run(false).state, State::ok);
  host.tree.file("proc/cmdline", "quiet module_blacklist=vfio_pci\n");
  EXPECT_EQ(run(false).state, State::warn);
}

}  // namespace
}  // namespace vgpukit::doctor
