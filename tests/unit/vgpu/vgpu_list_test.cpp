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

TEST_F(VgpuList, HoldsWhatTheDriverSaysOfParametersAndPlacement) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a);
  fake.file("sys/class/mdev_bus/0000:65:00.0/" + test::uuid_a + "/nvidia/vgpu_params", "disable_vnc=1\n");
  fake.file("sys/class/mdev_bus/0000:65:00.0/" + test::uuid_a + "/nvidia/gpu_instance_id", "5\n");
  const auto* attributes = R"({"mdev_type":"nvidia-63","start":"auto","attrs":[{"nvidia/vgpu_params":"disable_vnc=0"},
                               {"nvidia/placement_id":"2"}]})";
  for (const auto& uuid : {test::uuid_a, test::uuid_b}) fake.file("etc/mdevctl.d/0000:65:00.0/" + uuid, attributes);
  const auto rows = list_vgpus(driver, read_vgpus(driver), load_definitions(fake.host)->all);
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(params_text(rows[0].settings.params), "disable_vnc=1") << "what it has, not what is defined";
  EXPECT_EQ(rows[0].settings.placement, "") << "it is decided when a machine starts";
  EXPECT_EQ(rows[0].settings.gpu_instance, "5");
  EXPECT_EQ(params_text(rows[1].settings.params), "disable_vnc=0");
  EXPECT_EQ(rows[1].settings.placement, "2");
}

}  // namespace
}  // namespace vgpukit::vgpu
