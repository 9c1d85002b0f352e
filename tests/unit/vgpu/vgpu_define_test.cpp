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

TEST_F(VgpuDefine, ParametersAreInTheDefinitionAndReachTheVgpu) {
  fake.p4();
  fake.l40(2);
  VgpuRequest request{"P4-1Q", "65:00.0", test::uuid_a, true, {}};
  request.settings.params = {{"frame_rate_limiter", "0"}, {"disable_vnc", "1"}};
  ASSERT_TRUE(define_vgpu(tools(), request));
  EXPECT_THAT(fake.text("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a),
              HasSubstr("\"nvidia/vgpu_params\": \"frame_rate_limiter=0,disable_vnc=1\""));
  VgpuRequest function{"L40-2Q", "41:00.5", "", false, {}};
  function.settings.params = {{"enable_uvm", "1"}};
  ASSERT_TRUE(define_vgpu(tools(), function));
  EXPECT_THAT(fake.text("etc/vgpukit/vgpus.yaml"), HasSubstr("params: {enable_uvm: \"1\"}, start: manual}"));
  yaml("- {card: '65:00.0', type: P4-1Q, uuids: [" + test::uuid_b + "], params: {enable_uvm: 1}}\n");
  ASSERT_TRUE(apply().complete());
  const auto params = [&](const std::string& name) {
    return fake.text("sys/class/mdev_bus/0000:65:00.0/" + name + "/nvidia/vgpu_params");
  };
  EXPECT_EQ(params(test::uuid_a), "frame_rate_limiter=0,disable_vnc=1\n");
  EXPECT_EQ(params(test::uuid_b), "enable_uvm=1\n");
  EXPECT_THAT(fake.text("etc/mdevctl.d/0000:65:00.0/" + test::uuid_b), HasSubstr("enable_uvm=1"))
      << "mdevctl's copy has them, too";
}

TEST_F(VgpuDefine, AnExistingVgpuIsDefinedWithItsParameters) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-64", test::uuid_a);
  fake.file("sys/class/mdev_bus/0000:65:00.0/" + test::uuid_a + "/nvidia/vgpu_params", "disable_vnc=1\n");
  ASSERT_TRUE(define_vgpu(tools(), {test::uuid_a, "", "", true, {}}, test::uuid_a));
  EXPECT_THAT(fake.text("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a), HasSubstr("disable_vnc=1"));
}

TEST_F(VgpuDefine, ModifyChangesTheDefinitionAndNotTheVgpu) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a);
  const auto file = "etc/mdevctl.d/0000:65:00.0/" + test::uuid_a;
  fake.file(file, R"({"mdev_type":"nvidia-63","start":"auto","theirs":7,"attrs":[{"nvidia/vgpu_params":"a=1,b=2"}]})");
  DefinitionChange change{"P4-2Q", false, {}, ""};
  change.settings.params = {{"enable_uvm", "1"}};
  change.settings.unset = {"a"};
  const auto modified = modify_vgpu(tools(), test::uuid_a, change);
  ASSERT_TRUE(modified) << modified.error().message();
  EXPECT_TRUE(modified->exists);
  const auto text = fake.text(file);
  EXPECT_THAT(text, HasSubstr("\"mdev_type\": \"nvidia-64\""));
  EXPECT_THAT(text, HasSubstr("\"start\": \"manual\""));
  EXPECT_THAT(text, HasSubstr("\"nvidia/vgpu_params\": \"b=2,enable_uvm=1\""));
  EXPECT_THAT(text, HasSubstr("\"theirs\": 7")) << "another program's key stays";
  EXPECT_EQ(read_vgpus(driver).device(test::uuid_a)->type, "nvidia-63");
  EXPECT_THAT(driver.writes, IsEmpty());
}

TEST_F(VgpuDefine, ModifyChangesALineOfVgpusYaml) {
  fake.p4();
  fake.l40(2);
  const std::string first = "- {card: 41:00.0, type: L40-1Q, functions: ['41:00.4', '41:00.6']}\n";
  yaml(first + "- {card: 41:00.0, type: L40-1Q, functions: ['41:00.5']}\n");
  ASSERT_TRUE(modify_vgpu(tools(), "41:00.5", {"L40-2Q", false, {}, ""}));
  EXPECT_EQ(fake.text("etc/vgpukit/vgpus.yaml"),
            "vgpus:\n" + first +
                "- {card: \"0000:41:00.0\", type: \"nvidia-1150\", functions: [\"0000:41:00.5\"], start: manual}\n");
  const auto shared = modify_vgpu(tools(), "41:00.4", {"L40-2Q", std::nullopt, {}, ""});
  ASSERT_FALSE(shared);
  EXPECT_THAT(shared.error().message(), HasSubstr("shares its lines with others"));
  EXPECT_EQ(shared.error().where->line, 2);
}

TEST_F(VgpuDefine, ModifyRefusesBadInput) {
  fake.p4();
  const auto file = "etc/mdevctl.d/0000:99:00.0/" + test::uuid_a;
  fake.file(file, R"({"mdev_type":"nvidia-63","start":"auto"})");
  EXPECT_THAT(modify_vgpu(tools(), test::uuid_a, {}).error().why, HasSubstr("nothing is to be changed"));
  EXPECT_EQ(modify_vgpu(tools(), test::uuid_b, {"nvidia-64", {}, {}, ""}).error().kind, ErrorKind::usage);
  EXPECT_THAT(modify_vgpu(tools(), test::uuid_a, {"P4-2Q", {}, {}, ""}).error().next, HasSubstr("give the type's id"));
  EXPECT_TRUE(modify_vgpu(tools(), test::uuid_a, {"nvidia-64", {}, {}, ""})) << "the card is away";
  EXPECT_THAT(fake.text(file), HasSubstr("nvidia-64"));
}

TEST_F(VgpuDefine, ModifyDoesNotOverwriteWhatAnotherProgramWrites) {
  fake.p4();
  fake.file("etc/mdevctl.d/scripts.d/callouts/x", "");
  const auto file = "etc/mdevctl.d/0000:65:00.0/" + test::uuid_a;
  fake.file(file, R"({"mdev_type":"nvidia-63","start":"auto"})");
  auto meanwhile = tools();
  meanwhile.run = [&](const Command& command) -> Result<Outcome> {
    Outcome outcome;
    if (command.argv.at(4) == "get") outcome.status = 2;
    if (command.argv.at(4) == "pre") fake.file(file, R"({"mdev_type":"nvidia-64","start":"auto"})");
    return outcome;
  };
  const auto modified = modify_vgpu(meanwhile, test::uuid_a, {"", false, {}, ""});
  ASSERT_FALSE(modified);
  EXPECT_THAT(modified.error().message(), HasSubstr("another program has changed"));
  EXPECT_EQ(fake.text(file), R"({"mdev_type":"nvidia-64","start":"auto"})");
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
