#include "load/load_errors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "vgpu/fake_cards.hpp"

namespace vgpukit::load {
namespace {

using testing::HasSubstr;

std::string explained(int error, const std::string& kernel, const std::vector<OccupiedCard>& cards = {}) {
  std::vector<system::KernelMessage> messages;
  if (!kernel.empty()) messages = {{4, 1, "x: loading out-of-tree module taints kernel."}, {4, 2, kernel}};
  return explain_load("nvidia", error, messages, cards).message();
}

TEST(ExplainLoad, TheKernelsMessages) {
  EXPECT_THAT(explained(EINVAL, "failing symbol_get of non-GPLONLY symbol nvidia_vgpu_vfio_get_ops."),
              HasSubstr("asks for nvidia_vgpu_vfio_get_ops with symbol_get()"));
  EXPECT_THAT(explained(EINVAL, "nvidia: disagrees about version of symbol module_layout"),
              HasSubstr("its module_layout is not this kernel's"));
  EXPECT_THAT(explained(ENOENT, "nvidia: Unknown symbol __rcu_read_lock (err -2)"),
              HasSubstr("gives it __rcu_read_lock\n"));
  EXPECT_THAT(explained(ENOEXEC, "nvidia: version magic '6.1.0 SMP' should be '6.12 SMP'"),
              HasSubstr("another kernel"));
  EXPECT_THAT(explained(EKEYREJECTED, "Loading of unsigned module is rejected"), HasSubstr("signed with a key"));
  EXPECT_THAT(explained(EPERM, "Lockdown: insmod: unsigned module loading is restricted; see man kernel_lockdown.7"),
              HasSubstr("Secure Boot"));
  EXPECT_THAT(explained(EPERM, "Module nvidia is blacklisted"), HasSubstr("command line"));
  EXPECT_THAT(explained(ENOEXEC, "nvidia: exports duplicate symbol nv_get (owned by nvidia_open)"),
              HasSubstr("exports nv_get already"));
  EXPECT_THAT(explained(ENOENT, "nvidia: module uses symbol (a) from namespace IOMMUFD, but does not import it."),
              HasSubstr("namespace"));
}

TEST(ExplainLoad, TheErrnoAlone) {
  EXPECT_THAT(explained(ENOEXEC, ""), HasSubstr("no module for this kernel (Exec format error)"));
  EXPECT_THAT(explained(ENOKEY, ""), HasSubstr("signed with a key"));
  EXPECT_THAT(explained(ENODEV, ""), HasSubstr("found no card"));
  EXPECT_THAT(explained(EIO, ""), HasSubstr("its start failed (Input/output error)"));
}

TEST(ExplainLoad, TheDriverThatHasTheCard) {
  EXPECT_THAT(explained(ENODEV, "", {{"0000:65:00.0", "nova_core"}}),
              HasSubstr("the driver nova_core has the card 0000:65:00.0"));
  EXPECT_THAT(explained(ENODEV, "", {{"0000:65:00.0", "nouveau"}}), HasSubstr("blacklist nouveau, nova_core"));
  EXPECT_THAT(explained(ENODEV, "", {{"0000:65:00.0", "vfio-pci"}}),
              HasSubstr("vgpukit passthrough unbind 0000:65:00.0"));
}

TEST(OccupiedCards, OnlyNvidiasDisplayControllersWithAnotherDriver) {
  const test::FakeHost fake;
  const auto device = [&](const std::string& address, const std::string& vendor, const std::string& kind,
                          const std::string& driver) {
    const auto at = "sys/bus/pci/devices/" + address;
    fake.file(at + "/vendor", vendor + "\n");
    fake.file(at + "/class", kind + "\n");
    if (!driver.empty()) fake.link(at + "/driver", "../../../../bus/pci/drivers/" + driver);
  };
  device("0000:01:00.0", "0x10de", "0x030000", "nouveau");
  device("0000:01:00.1", "0x10de", "0x040300", "snd_hda_intel");
  device("0000:02:00.0", "0x10de", "0x030200", "nvidia");
  device("0000:03:00.0", "0x10de", "0x030200", "");
  device("0000:04:00.0", "0x1002", "0x030000", "amdgpu");
  const auto cards = occupied_cards(Sysfs(fake.host));
  ASSERT_EQ(cards.size(), 1u);
  EXPECT_EQ(cards[0].address, "0000:01:00.0");
  EXPECT_EQ(cards[0].driver, "nouveau");
}

}  // namespace
}  // namespace vgpukit::load
