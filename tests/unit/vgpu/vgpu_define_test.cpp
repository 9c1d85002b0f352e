#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "support/interrupt.hpp"
#include "vgpu/fake_cards.hpp"
#include "vgpu/mdevctl.hpp"
#include "vgpu/vgpu_change.hpp"
#include "vgpu/vgpu_list.hpp"

namespace vgpukit::vgpu {
namespace {

using test::uuid_a;
using test::uuid_b;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class DefinitionsTest : public testing::Test {
 protected:
  [[nodiscard]] VgpuTools tools() {
    return {fake.host, driver, [this] { return [this] { return looks-- > 0; }; }, [] {}};
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& device : read_vgpus(driver).devices) all.push_back(device.name);
    return all;
  }
  AppliedVgpus apply(bool dry_run = false) {
    auto applied = apply_vgpus(tools(), dry_run);
    EXPECT_TRUE(applied) << applied.error().message();
    return std::move(*applied);
  }
  void yaml(const std::string& text) const { fake.file("etc/vgpukit/vgpus.yaml", "vgpus:\n" + text); }
  test::FakeHost fake;
  test::FakeDriver driver{fake};
  int looks = 3;
};

TEST_F(DefinitionsTest, MdevctlsFilesAreReadAsMdevctlReadsThem) {
  fake.file("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a, R"({"mdev_type": "nvidia-63", "start": "auto"})");
  fake.file("etc/mdevctl.d/0000:65:00.0/" + test::uuid_b,
            R"({"mdev_type":"x","start":"manual","attrs":[{"a/b":"1"},{"c":"2"}]})");
  fake.file("etc/mdevctl.d/0000:65:00.0/readme", "no UUID");
  fake.file("etc/mdevctl.d/scripts.d/callouts/a.sh", "");
  const auto found = load_definitions(fake.host);
  ASSERT_TRUE(found);
  ASSERT_THAT(found->all, SizeIs(2));
  EXPECT_THAT(found->bad, IsEmpty());
  EXPECT_TRUE(found->all[0].automatic);
  EXPECT_EQ(found->all[0].card, "0000:65:00.0");
  EXPECT_FALSE(found->all[1].automatic);
  EXPECT_THAT(found->all[1].attributes, ElementsAre(testing::Pair("a/b", "1"), testing::Pair("c", "2")));
}

TEST_F(DefinitionsTest, AFileThatMdevctlWouldNotTakeIsSaidAndTheOthersCount) {
  const std::map<std::string, std::string> wrong = {
      {"no json", "it is no JSON"},
      {"[]", "no JSON object"},
      {R"({"start":"auto"})", "'mdev_type'"},
      {R"({"mdev_type":"a"})", "'start'"},
      {R"({"mdev_type":"../../x","start":"auto"})", "cannot be a type"},
      {R"({"mdev_type":"a","start":"auto","attrs":{}})", "'attrs' is no list"},
      {R"({"mdev_type":"a","start":"auto","attrs":[{"a":1}]})", "one of 'attrs'"},
      {R"({"mdev_type":"a","start":"auto","attrs":[{"../../x":"1"}]})", "no name below"}};
  fake.file("etc/mdevctl.d/p/" + test::uuid_b, R"({"mdev_type":"a","start":"auto"})");
  for (const auto& [text, why] : wrong) {
    fake.file("etc/mdevctl.d/p/" + test::uuid_a, text);
    const auto found = load_definitions(fake.host);
    ASSERT_TRUE(found);
    EXPECT_THAT(found->all, SizeIs(1)) << text;
    ASSERT_THAT(found->bad, SizeIs(1)) << text;
    EXPECT_THAT(found->bad[0].message(), HasSubstr(why));
    EXPECT_THAT(found->bad[0].message(), HasSubstr(test::uuid_a));
  }
}

TEST_F(DefinitionsTest, DefineWritesWhatMdevctlWrites) {
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

TEST_F(DefinitionsTest, DefineKeepsWhatRuns) {
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

TEST_F(DefinitionsTest, ApplyIsIdempotentAndADryRunChangesNothing) {
  fake.p4();
  yaml("- {card: '0322917092147', type: GRID P4-1Q, count: 3}\n");
  const auto dry = apply(true);
  EXPECT_THAT(dry.plan.cards.at(0).create, SizeIs(3));
  EXPECT_THAT(driver.writes, IsEmpty());
  EXPECT_FALSE(fake.has("run"));
  const auto first = apply();
  EXPECT_TRUE(first.complete());
  EXPECT_THAT(first.outcomes.at(0).created, SizeIs(3));
  const auto made = names();
  EXPECT_THAT(made, SizeIs(3));
  driver.writes.clear();
  const auto second = apply();
  EXPECT_TRUE(second.complete());
  EXPECT_THAT(second.plan.cards.at(0).existing, SizeIs(3));
  EXPECT_THAT(driver.writes, IsEmpty());
  for (const auto& name : made) driver.write("/sys/bus/mdev/devices/" + name + "/remove", "1");
  apply();
  EXPECT_EQ(names(), made) << "the same ones after each boot";
}

TEST_F(DefinitionsTest, MdevctlSeesWhatVgpusYamlDefines) {
  fake.p4();
  yaml("- {card: 65:00.0, type: P4-1Q, uuids: [" + test::uuid_a + "]}\n");
  apply();
  EXPECT_THAT(fake.text("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a),
              HasSubstr("\"mdev_type\": \"nvidia-63\",\n  \"start\": \"manual\""));
  EXPECT_THAT(load_definitions(fake.host)->all, SizeIs(1)) << "the copy is no second one";
  yaml("- {card: 65:00.0, type: P4-1Q, uuids: [" + test::uuid_b + "]}\n");
  apply();
  EXPECT_FALSE(fake.has("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a)) << "nor does it outlive its entry";
}

TEST_F(DefinitionsTest, ACardGetsAllOrNothingAndTheOthersTheirs) {
  fake.p4("0000:65:00.0");
  fake.p4("0000:66:00.0");
  yaml(
      "- {card: 65:00.0, type: nvidia-63, count: 9}\n- {card: 66:00.0, type: nvidia-64, count: 2}\n- {card: 67:00.0, "
      "type: a, "
      "count: 1}\n");
  const auto applied = apply();
  EXPECT_FALSE(applied.complete());
  ASSERT_THAT(applied.plan.cards, SizeIs(3));
  EXPECT_THAT(applied.plan.cards[0].problems, ElementsAre(HasSubstr("there is no room for nvidia-63")));
  EXPECT_THAT(applied.outcomes[1].created, SizeIs(2));
  EXPECT_THAT(applied.plan.cards[2].problems, ElementsAre(HasSubstr("no such card")));
  EXPECT_THAT(names(), SizeIs(2));
}

TEST_F(DefinitionsTest, WhatFailsHalfWayIsTakenBack) {
  fake.p4("0000:65:00.0");
  fake.p4("0000:66:00.0");
  yaml("- {card: 65:00.0, type: nvidia-63, uuids: [" + test::uuid_a +
       "]}\n- {card: 65:00.0, type: nvidia-64, uuids: [" + test::uuid_b +
       "]}\n- {card: 66:00.0, type: nvidia-64, count: 1}\n");
  for (const int error : {EPERM, EBUSY, ENOSPC, EEXIST, ENODEV, EIO}) {
    driver.fail = {{"65:00.0/mdev_supported_types/nvidia-64/create", error}};
    const auto applied = apply();
    EXPECT_FALSE(applied.complete());
    ASSERT_TRUE(applied.outcomes[0].error);
    EXPECT_THAT(applied.outcomes[0].error->message(), HasSubstr(test::uuid_b));
    EXPECT_THAT(applied.outcomes[0].created, IsEmpty());
    EXPECT_THAT(names(), SizeIs(1)) << "only the one on the other card";
  }
  driver.fail = {};
  EXPECT_TRUE(apply().complete());
  EXPECT_THAT(names(), SizeIs(3)) << "and the next apply completes it";
}

TEST_F(DefinitionsTest, AnInterruptedApplyLeavesNothingHalfMade) {
  fake.p4();
  yaml("- {card: 65:00.0, type: nvidia-63, count: 3}\n");
  struct Signalling : test::FakeDriver {
    using test::FakeDriver::FakeDriver;
    int write(const std::string& path, std::string_view text) override {
      const int error = test::FakeDriver::write(path, text);
      if (path.ends_with("/create") && writes.size() == 2) std::raise(SIGTERM);
      return error;
    }
  } signalling(fake);
  const Interrupt interrupt;
  const auto applied = apply_vgpus({fake.host, signalling, [] { return [] { return false; }; }, [] {}}, false);
  ASSERT_TRUE(applied);
  ASSERT_TRUE(applied->outcomes.at(0).error);
  EXPECT_EQ(applied->outcomes[0].error->why, "interrupted");
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(DefinitionsTest, TwoAppliesComeOneAfterTheOther) {
  fake.p4();
  yaml("- {card: 65:00.0, type: nvidia-63, count: 1}\n");
  auto held = FileLock::acquire(fake.host.in_root("/run/vgpukit/vgpus.lock"), [] {});
  ASSERT_TRUE(held && held->held());
  bool waited = false;
  // The first one ends while the second waits.
  const auto applied = apply_vgpus(
      {fake.host, driver, [] { return [] { return false; }; }, [&] { waited = true, FileLock(std::move(*held)); }},
      false);
  ASSERT_TRUE(applied);
  EXPECT_TRUE(waited);
  EXPECT_TRUE(applied->complete());
}

TEST_F(DefinitionsTest, AFullCardsTypesAreStillKnownByTheirNames) {
  fake.l40(2);
  yaml("- {card: 41:00.0, type: L40-2Q, functions: ['41:00.4']}\n- {card: 41:00.0, type: NVIDIA L40-1Q, count: 1}\n");
  ASSERT_TRUE(apply().complete());
  ASSERT_THAT(fake.text("sys/bus/pci/devices/0000:41:00.5/nvidia/creatable_vgpu_types"),
              testing::Not(HasSubstr("L40")));
  driver.writes.clear();
  const auto again = apply();
  EXPECT_TRUE(again.complete());
  EXPECT_THAT(again.plan.cards.at(0).existing, SizeIs(2));
  EXPECT_THAT(driver.writes, IsEmpty());
  EXPECT_EQ(read_vgpus(driver).card("0000:41:00.0")->types.at("nvidia-1150").name, "NVIDIA L40-2Q");
  // Somebody else made them, so nobody has seen the names.
  fs::remove_all(fake.folder / "run");
  const auto elsewhere = apply();
  EXPECT_TRUE(elsewhere.complete());
  EXPECT_THAT(elsewhere.plan.cards.at(0).existing, SizeIs(2));
  EXPECT_THAT(elsewhere.plan.undefined, IsEmpty());
}

TEST_F(DefinitionsTest, AFileThatIsNoDefinitionIsNeverOverwritten) {
  fake.p4();
  const auto file = "etc/mdevctl.d/0000:65:00.0/" + test::uuid_a;
  fake.file(file, "{\"mdev_type\": \"nvidia-63\", \"start\":");
  const auto defined = define_vgpu(tools(), {"nvidia-63", "", test::uuid_a, true});
  ASSERT_FALSE(defined);
  EXPECT_THAT(defined.error().message(),
              testing::AllOf(HasSubstr(test::uuid_a), HasSubstr("no definition of mdevctl's")));
  yaml("- {card: 65:00.0, type: nvidia-63, uuids: [" + test::uuid_a + "]}\n");
  const auto applied = apply();
  EXPECT_FALSE(applied.complete()) << "it is told";
  EXPECT_THAT(names(), ElementsAre(test::uuid_a)) << "and the rest is done";
  EXPECT_EQ(fake.text(file), "{\"mdev_type\": \"nvidia-63\", \"start\":");
}

TEST_F(DefinitionsTest, WhatBothPlacesDefineIsOne) {
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

TEST_F(DefinitionsTest, UndefineTakesTheCardByAnyOfItsNames) {
  fake.p4();
  fake.file("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a, R"({"mdev_type":"nvidia-63","start":"auto"})");
  fake.file("etc/mdevctl.d/0000:99:00.0/" + test::uuid_a, R"({"mdev_type":"nvidia-63","start":"manual"})");
  EXPECT_THAT(undefine_vgpu(tools(), test::uuid_a, "").error().message(), HasSubstr("--card"));
  ASSERT_TRUE(undefine_vgpu(tools(), test::uuid_a, "0322917092147"));
  EXPECT_FALSE(fake.has("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a));
  EXPECT_TRUE(fake.has("etc/mdevctl.d/0000:99:00.0/" + test::uuid_a));
}

TEST_F(DefinitionsTest, ACopyForMdevctlThatCannotBeWrittenDoesNotHideWhatWasDone) {
  fake.p4();
  fake.file("etc/mdevctl.d", "a file where a folder should be");
  yaml("- {card: 65:00.0, type: nvidia-63, uuids: [" + test::uuid_a + "]}\n");
  const auto applied = apply();
  EXPECT_FALSE(applied.complete());
  EXPECT_THAT(applied.outcomes.at(0).created, SizeIs(1));
  ASSERT_THAT(applied.bad, SizeIs(1));
  EXPECT_THAT(applied.bad[0].message(), HasSubstr("mdevctl.d"));
}

TEST_F(DefinitionsTest, WhatExistsInAnotherWayIsLeftAndSaid) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-64", test::uuid_a);
  yaml("- {card: 65:00.0, type: nvidia-63, uuids: [" + test::uuid_a + "]}\n");
  const auto applied = apply();
  EXPECT_THAT(applied.plan.cards.at(0).problems,
              ElementsAre(HasSubstr("it exists as nvidia-64 on 0000:65:00.0; remove it first")));
  EXPECT_THAT(names(), ElementsAre(test::uuid_a));
}

TEST_F(DefinitionsTest, CountedFunctionsAreMadeWithTheirCardsFunctions) {
  fake.l40(0);
  yaml(
      "- {card: '0000:41:00.0', type: nvidia-1149, count: 1}\n- {card: '0000:41:00.0', type: nvidia-1150, functions: "
      "['41:00.4']}\n");
  EXPECT_TRUE(apply(true).plan.cards.at(0).needs_functions);
  const auto applied = apply();
  EXPECT_TRUE(applied.complete());
  EXPECT_TRUE(applied.outcomes.at(0).made_functions);
  EXPECT_EQ(fake.text("sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type"), "1150\n")
      << "the named one keeps its place";
  EXPECT_EQ(fake.text("sys/bus/pci/devices/0000:41:00.5/nvidia/current_vgpu_type"), "1149\n");
  driver.writes.clear();
  EXPECT_TRUE(apply().complete());
  EXPECT_THAT(driver.writes, IsEmpty());
}

TEST_F(DefinitionsTest, UuidsAreForMdevAndFunctionsForVendorVfio) {
  fake.p4();
  fake.l40(2);
  yaml("- {card: 41:00.0, type: nvidia-1149, uuids: [" + test::uuid_a +
       "]}\n- {card: 65:00.0, type: nvidia-63, functions: ['65:00.4']}\n");
  const auto applied = apply();
  EXPECT_THAT(applied.plan.cards[0].problems, ElementsAre(HasSubstr("vGPUs have no UUID")));
  EXPECT_THAT(applied.plan.cards[1].problems, ElementsAre(HasSubstr("vGPUs have a UUID")));
}

TEST_F(DefinitionsTest, AttributesAreWrittenAndARefusedOneTakesTheDeviceBack) {
  fake.p4();
  fake.file("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a,
            R"({"mdev_type":"nvidia-63","start":"auto","attrs":[{"nvidia/vgpu_params":"x=1"}]})");
  driver.fail = {{"/nvidia/vgpu_params", EIO}};
  const auto applied = apply();
  EXPECT_THAT(applied.outcomes.at(0).error->message(),
              HasSubstr("set the attribute nvidia/vgpu_params of " + test::uuid_a));
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(DefinitionsTest, TheListHoldsWhatExistsAndWhatIsDefined) {
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
