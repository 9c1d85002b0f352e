#include "vgpu/vgpu_xml.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vgpu/fake_cards.hpp"

namespace vgpukit::vgpu {
namespace {

using test::uuid_a;
using testing::HasSubstr;

TEST(VgpuXml, PersistentIsForMediatedDevicesOfPciCards) {
  Vgpu device;
  device.name = test::uuid_a;
  device.parent = "0000:65:00.0";
  device.type = "nvidia-63";
  ASSERT_TRUE(nodedev_xml(device));
  EXPECT_THAT(*nodedev_xml(device), HasSubstr("<parent>pci_0000_65_00_0</parent>"));
  EXPECT_THAT(hostdev_xml(device), HasSubstr("<address uuid='" + test::uuid_a + "'/>"));
  EXPECT_THAT(*nodedev_xml(device, {{"nvidia/vgpu_params", "disable_vnc=1,x='<'"}}),
              HasSubstr("</uuid>\n    <attr name='nvidia/vgpu_params' value='disable_vnc=1,x=&apos;&lt;&apos;'/>\n"));
  device.parent = "0.0.26ab";
  EXPECT_FALSE(nodedev_xml(device));
  device.name = device.parent = "0000:41:00.4";
  device.interface = VgpuInterface::vendor_vfio;
  EXPECT_FALSE(nodedev_xml(device));
  EXPECT_THAT(hostdev_xml(device), HasSubstr("managed='no'"));
  EXPECT_THAT(hostdev_xml(device), HasSubstr("domain='0x0000' bus='0x41' slot='0x00' function='0x4'"));
  EXPECT_EQ(proxmox_option(device), "-hostpci0 0000:41:00.4");
}

}  // namespace
}  // namespace vgpukit::vgpu
