#include "vgpu/vgpu_list.hpp"

#include "vgpu/definitions_fixture.hpp"

namespace vgpukit::vgpu {
namespace {

using testing::SizeIs;

class VgpuList : public DefinitionsTest {};

TEST_F(VgpuList, HoldsExistingAndDefinedVgpus) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a);
  fake.file("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a, R"({"mdev_type":"nvidia-63","start":"auto"})");
  fake.file("etc/mdevctl.d/0000:77:00.0/" + test::uuid_b, R"({"mdev_type":"nvidia-63","start":"manual"})");
  const auto rows = list_vgpus(driver, read_vgpus(driver), load_definitions(fake.host)->all);
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_TRUE(rows[0].active && rows[0].defined && rows[0].automatic);
  EXPECT_TRUE(!rows[1].active && rows[1].defined && !rows[1].automatic);
  EXPECT_EQ(rows[1].device.parent, "0000:77:00.0");
}

}  // namespace
}  // namespace vgpukit::vgpu
