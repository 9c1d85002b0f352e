#include "vgpu/vgpu_define.hpp"

#include "vgpu/definitions_fixture.hpp"
#include "vgpu/vgpu_list.hpp"

namespace vgpukit::vgpu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class VgpuDefine : public DefinitionsTest {};

TEST_F(VgpuDefine, WritesWhatMdevctlWrites) {
  fake.p4();
  const auto defined = define_vgpu(tools(), {"P4-1Q", "65:00.0", test::uuid_a, true});
  ASSERT_TRUE(defined) << defined.error().message();
  EXPECT_EQ(fake.text("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a),
            "{\n  \"mdev_type\": \"nvidia-63\",\n  \"start\": \"auto\",\n  \"attrs\": []\n}");
  EXPECT_THAT(names(), IsEmpty()) << "defining makes nothing";
  const auto again = define_vgpu(tools(), {"P4-1Q", "", test::uuid_a, true});
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message(), HasSubstr("it is defined already"));
  EXPECT_TRUE(apply().complete());
  EXPECT_THAT(names(), ElementsAre(test::uuid_a));
  ASSERT_TRUE(undefine_vgpu(tools(), test::uuid_a, ""));
  EXPECT_FALSE(fake.has("etc/mdevctl.d/0000:65:00.0"));
  EXPECT_THAT(names(), ElementsAre(test::uuid_a)) << "undefining removes nothing";
  EXPECT_FALSE(undefine_vgpu(tools(), test::uuid_a, ""));
}

TEST_F(VgpuDefine, DefinesAnExistingVgpu) {
  fake.p4();
  fake.l40(2);
  fake.device("0000:65:00.0", "nvidia-64", test::uuid_a);
  fake.file("sys/bus/pci/devices/0000:41:00.5/nvidia/current_vgpu_type", "1150\n");
  ASSERT_TRUE(define_vgpu(tools(), {test::uuid_a, "", "", false}, test::uuid_a));
  EXPECT_THAT(fake.text("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a), HasSubstr("\"manual\""));
  ASSERT_TRUE(define_vgpu(tools(), {"41:00.5", "", "", true}, "41:00.5"));
  EXPECT_THAT(fake.text("etc/vgpukit/vgpus.yaml"), HasSubstr("0000:41:00.5"));
  const auto applied = apply();
  EXPECT_TRUE(applied.complete());
  EXPECT_THAT(applied.plan.undefined, IsEmpty());
  EXPECT_EQ(fake.text("sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type"), "0\n");
  EXPECT_FALSE(define_vgpu(tools(), {test::uuid_b, "", "", true}, test::uuid_b)) << "it does not exist";
}

TEST_F(VgpuDefine, AnotherFileIsNeverOverwritten) {
  fake.p4();
  const auto file = "etc/mdevctl.d/0000:65:00.0/" + test::uuid_a;
  fake.file(file, "{\"mdev_type\": \"nvidia-63\", \"start\":");
  const auto defined = define_vgpu(tools(), {"nvidia-63", "", test::uuid_a, true});
  ASSERT_FALSE(defined);
  EXPECT_THAT(defined.error().message(),
              testing::AllOf(HasSubstr(test::uuid_a), HasSubstr("no definition of mdevctl's")));
  yaml("- {card: 65:00.0, type: nvidia-63, uuids: [" + test::uuid_a + "]}\n");
  const auto applied = apply();
  EXPECT_FALSE(applied.complete()) << "it is reported";
  EXPECT_THAT(names(), ElementsAre(test::uuid_a)) << "and the rest is made";
  EXPECT_EQ(fake.text(file), "{\"mdev_type\": \"nvidia-63\", \"start\":");
}

TEST_F(VgpuDefine, ADefinitionInBothPlacesIsOneVgpu) {
  fake.p4();
  const auto file = "etc/mdevctl.d/0000:65:00.0/" + test::uuid_a;
  fake.file(file, R"({"mdev_type":"nvidia-63","start":"auto"})");
  yaml("- card: '0322917092147'\n  type: P4-1Q\n  uuids:\n  - " + test::uuid_a + "\n  - " + test::uuid_b + "\n");
  for (int i = 0; i < 2; ++i) {
    const auto applied = apply();
    EXPECT_TRUE(applied.complete());
    EXPECT_THAT(names(), ElementsAre(test::uuid_a, test::uuid_b));
    EXPECT_THAT(applied.plan.undefined, IsEmpty());
  }
  EXPECT_THAT(list_vgpus(driver, read_vgpus(driver), load_definitions(fake.host)->all), SizeIs(2));
  const auto files = undefine_vgpu(tools(), test::uuid_a, "");
  ASSERT_TRUE(files) << files.error().message();
  EXPECT_THAT(*files, SizeIs(2));
  EXPECT_FALSE(fake.has(file));
  EXPECT_THAT(fake.text("etc/vgpukit/vgpus.yaml"),
              testing::AllOf(HasSubstr(test::uuid_b), testing::Not(HasSubstr(test::uuid_a))));
}

TEST_F(VgpuDefine, SaysWhyItCannotBeMadeNow) {
  fake.type("0000:65:00.0", "nvidia-304", "GRID V100D-4Q", 0);
  fake.type("0000:65:00.0", "nvidia-305", "GRID V100D-8Q", 3);
  fake.device("0000:65:00.0", "nvidia-305", test::uuid_a);
  const auto defined = define_vgpu(tools(), {"V100D-4Q", "", test::uuid_b, true});
  ASSERT_TRUE(defined) << defined.error().message();
  EXPECT_THAT(defined->not_now, HasSubstr("it runs GRID V100D-8Q, and the first vGPU of a card decides the size"));
  const auto same = define_vgpu(tools(), {"V100D-8Q", "", "", true});
  ASSERT_TRUE(same);
  EXPECT_EQ(same->not_now, "");
}

TEST_F(VgpuDefine, UndefineTakesTheCardByAnyOfItsNames) {
  fake.p4();
  fake.file("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a, R"({"mdev_type":"nvidia-63","start":"auto"})");
  fake.file("etc/mdevctl.d/0000:99:00.0/" + test::uuid_a, R"({"mdev_type":"nvidia-63","start":"manual"})");
  EXPECT_THAT(undefine_vgpu(tools(), test::uuid_a, "").error().message(), HasSubstr("--card"));
  ASSERT_TRUE(undefine_vgpu(tools(), test::uuid_a, "0322917092147"));
  EXPECT_FALSE(fake.has("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a));
  EXPECT_TRUE(fake.has("etc/mdevctl.d/0000:99:00.0/" + test::uuid_a));
}

}  // namespace
}  // namespace vgpukit::vgpu
