#include "runtime/definitions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "runtime/fake_cards.hpp"
#include "runtime/mdevctl.hpp"
#include "runtime/vgpu_change.hpp"
#include "runtime/vgpu_list.hpp"
#include "runtime/vgpu_xml.hpp"
#include "support/process.hpp"

namespace vgpukit {
namespace {

using test::uuid_a;
using test::uuid_b;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string complaint(const std::string& text) {
  const auto parsed = parse_vgpus("vgpus.yaml", text);
  return parsed ? "" : parsed.error().message();
}

TEST(VgpusYaml, CountsUuidsAndFunctions) {
  const auto all = parse_vgpus("f",
                               "vgpus:\n"
                               "  - {card: 65:00.0, type: GRID P4-1Q, count: 2}\n"
                               "  - card: GPU-5c\n    type: nvidia-64\n    uuids: [" +
                                   uuid_a +
                                   "]\n"
                                   "  - {card: '0000:41:00.0', type: '1149', functions: ['41:00.4']}\n");
  ASSERT_TRUE(all) << all.error().message();
  ASSERT_THAT(*all, SizeIs(4));
  EXPECT_EQ((*all)[0].card, "0000:65:00.0");
  EXPECT_TRUE((*all)[0].counted);
  EXPECT_NE((*all)[0].name, (*all)[1].name);
  EXPECT_EQ((*all)[2].name, uuid_a);
  EXPECT_EQ((*all)[3].name, "0000:41:00.4");
}

// Virtual machines are configured with these: another value here is another machine without its vGPU after an update.
TEST(VgpusYaml, TheUuidsOfACountNeverChange) {
  const auto all = parse_vgpus("f", "vgpus:\n- {card: '0000:65:00.0', type: nvidia-63, count: 2}\n");
  ASSERT_TRUE(all);
  EXPECT_EQ((*all)[0].name, "574d09be-b60a-8e9a-a7b9-1e3aca38ceb3");
  const auto more =
      parse_vgpus("f", "vgpus:\n- {card: 65:00.0, type: nvidia-63, count: 1}\n- {card: 65:00.0, type: nvidia-63, count: 2}\n");
  ASSERT_TRUE(more);
  EXPECT_EQ((*more)[0].name, (*all)[0].name);
  EXPECT_EQ((*more)[1].name, (*all)[1].name) << "a second entry goes on counting";
}

TEST(VgpusYaml, AnEmptyFileAndAnEmptyListAreNoVgpus) {
  for (const auto* text : {"", "\n", "vgpus: []\n", "vgpus:\n"}) {
    const auto all = parse_vgpus("f", text);
    ASSERT_TRUE(all) << text;
    EXPECT_THAT(*all, IsEmpty());
  }
}

TEST(VgpusYaml, EveryMistakeHasItsPlace) {
  EXPECT_THAT(complaint("vgpu: []\n"), HasSubstr("vgpus.yaml:1:1: unknown key 'vgpu'"));
  EXPECT_THAT(complaint("vgpus:\n  - card: a\n    tpye: b\n    count: 1\n"), HasSubstr("vgpus.yaml:3:5: unknown key 'tpye'"));
  EXPECT_THAT(complaint("vgpus:\n  - card: a\n    tpye: b\n    count: 1\n"), HasSubstr("did you mean 'type'"));
  EXPECT_THAT(complaint("vgpus:\n  - {card: a, type: b}\n"),
              HasSubstr("vgpus.yaml:2:5: a vGPU has exactly one of count, uuids and functions"));
  EXPECT_THAT(complaint("vgpus:\n  - {card: a, count: 1}\n"), HasSubstr("has no 'type'"));
  EXPECT_THAT(complaint("vgpus:\n  - {card: a, type: b, count: 0}\n"), HasSubstr("vgpus.yaml:2:31: a number from 1 to 1024"));
  EXPECT_THAT(complaint("vgpus:\n  - {card: a, type: b, count: 2000}\n"), HasSubstr("a number from 1 to 1024"));
  EXPECT_THAT(complaint("vgpus:\n  - {card: a, type: b, uuids: [x]}\n"), HasSubstr("vgpus.yaml:2:32: 'x' is no UUID"));
  EXPECT_THAT(complaint("vgpus:\n  - {card: a, type: b, functions: ['../../x']}\n"),
              HasSubstr("the PCI address of a virtual function"));
  EXPECT_THAT(complaint("vgpus:\n  - {card: ../../x, type: b, count: 1}\n"), HasSubstr("'../../x' cannot be a card"));
  EXPECT_THAT(complaint("vgpus:\n  - {card: a, type: ../../x, count: 1}\n"), HasSubstr("'../../x' cannot be a type"));
  EXPECT_THAT(
      complaint("vgpus:\n  - {card: a, type: b, uuids: [" + uuid_a + "]}\n  - {card: c, type: d, uuids: [" + uuid_a + "]}\n"),
      HasSubstr("vgpus.yaml:3:32: " + uuid_a + " stands twice; the first is in line 2"));
  EXPECT_THAT(complaint("vgpus: {a: b}\n"), HasSubstr("a list for vgpus expected"));
  EXPECT_THAT(complaint("vgpus: [\n"), HasSubstr("not valid YAML"));
}

TEST(VgpusYaml, LinesAreAddedAndTakenAndTheRestStays) {
  const std::string before = "# ours\nvgpus:\n- card: '0000:65:00.0'  # the old one\n  type: nvidia-63\n  count: 1\n";
  const auto more = with_function("f", before, "0000:41:00.0", "nvidia-1149", "0000:41:00.4");
  ASSERT_TRUE(more) << more.error().message();
  EXPECT_TRUE(more->starts_with(before));
  EXPECT_THAT(*parse_vgpus("f", *more), SizeIs(2));
  const auto less = without_device("f", *more, "0000:41:00.4");
  ASSERT_TRUE(less) << less.error().message();
  EXPECT_EQ(*less, before);
  const auto counted = parse_vgpus("f", before)->front().name;
  const auto refused = without_device("f", before, counted);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("f:5:10: "));
  for (const auto* start : {"", "vgpus: []\n", "vgpus:\n"}) {
    const auto first = with_function("f", start, "0000:41:00.0", "nvidia-1149", "0000:41:00.4");
    ASSERT_TRUE(first) << start << first.error().message();
    const auto none = without_device("f", *first, "0000:41:00.4");
    ASSERT_TRUE(none) << none.error().message();
    EXPECT_THAT(*parse_vgpus("f", *none), IsEmpty());
  }
  EXPECT_FALSE(with_function("f", "vgpus: [{card: a, type: b, count: 1}]\n", "0000:41:00.0", "t", "0000:41:00.4"))
      << "a list in one line";
}

class StoreTest : public testing::Test {
 protected:
  [[nodiscard]] VgpuTools tools() {
    return {fake.host, driver, [this] { return looks-- > 0; }, [] {}};
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& device : look_at_vgpus(driver).devices) all.push_back(device.name);
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

TEST_F(StoreTest, MdevctlsFilesAreReadAsMdevctlReadsThem) {
  fake.file("etc/mdevctl.d/0000:65:00.0/" + uuid_a, R"({"mdev_type": "nvidia-63", "start": "auto"})");
  fake.file("etc/mdevctl.d/0000:65:00.0/" + uuid_b, R"({"mdev_type":"x","start":"manual","attrs":[{"a/b":"1"},{"c":"2"}]})");
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

TEST_F(StoreTest, AFileThatMdevctlWouldNotTakeIsSaidAndTheOthersCount) {
  const std::map<std::string, std::string> wrong = {
      {"no json", "it is no JSON"},
      {"[]", "no JSON object"},
      {R"({"start":"auto"})", "'mdev_type'"},
      {R"({"mdev_type":"a"})", "'start'"},
      {R"({"mdev_type":"../../x","start":"auto"})", "cannot be a type"},
      {R"({"mdev_type":"a","start":"auto","attrs":{}})", "'attrs' is no list"},
      {R"({"mdev_type":"a","start":"auto","attrs":[{"a":1}]})", "one of 'attrs'"},
      {R"({"mdev_type":"a","start":"auto","attrs":[{"../../x":"1"}]})", "no name below"}};
  fake.file("etc/mdevctl.d/p/" + uuid_b, R"({"mdev_type":"a","start":"auto"})");
  for (const auto& [text, why] : wrong) {
    fake.file("etc/mdevctl.d/p/" + uuid_a, text);
    const auto found = load_definitions(fake.host);
    ASSERT_TRUE(found);
    EXPECT_THAT(found->all, SizeIs(1)) << text;
    ASSERT_THAT(found->bad, SizeIs(1)) << text;
    EXPECT_THAT(found->bad[0].message(), HasSubstr(why));
    EXPECT_THAT(found->bad[0].message(), HasSubstr(uuid_a));
  }
}

TEST_F(StoreTest, DefineWritesWhatMdevctlWrites) {
  fake.p4();
  const auto defined = define_vgpu(tools(), {"P4-1Q", "65:00.0", uuid_a, true});
  ASSERT_TRUE(defined) << defined.error().message();
  EXPECT_EQ(fake.text("etc/mdevctl.d/0000:65:00.0/" + uuid_a),
            "{\n  \"mdev_type\": \"nvidia-63\",\n  \"start\": \"auto\",\n  \"attrs\": []\n}");
  EXPECT_THAT(names(), IsEmpty()) << "defining makes nothing";
  const auto again = define_vgpu(tools(), {"P4-1Q", "", uuid_a, true});
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message(), HasSubstr("it is defined already"));
  EXPECT_TRUE(apply().complete());
  EXPECT_THAT(names(), ElementsAre(uuid_a));
  ASSERT_TRUE(undefine_vgpu(tools(), uuid_a, ""));
  EXPECT_FALSE(fake.has("etc/mdevctl.d/0000:65:00.0"));
  EXPECT_THAT(names(), ElementsAre(uuid_a)) << "undefining removes nothing";
  EXPECT_FALSE(undefine_vgpu(tools(), uuid_a, ""));
}

TEST_F(StoreTest, DefineKeepsWhatRuns) {
  fake.p4();
  fake.l40(2);
  fake.device("0000:65:00.0", "nvidia-64", uuid_a);
  fake.file("sys/bus/pci/devices/0000:41:00.5/nvidia/current_vgpu_type", "1150\n");
  ASSERT_TRUE(define_vgpu(tools(), {uuid_a, "", "", false}, uuid_a));
  EXPECT_THAT(fake.text("etc/mdevctl.d/0000:65:00.0/" + uuid_a), HasSubstr("\"manual\""));
  ASSERT_TRUE(define_vgpu(tools(), {"41:00.5", "", "", true}, "41:00.5"));
  EXPECT_THAT(fake.text("etc/vgpukit/vgpus.yaml"), HasSubstr("0000:41:00.5"));
  const auto applied = apply();
  EXPECT_TRUE(applied.complete());
  EXPECT_THAT(applied.plan.undefined, IsEmpty());
  EXPECT_EQ(fake.text("sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type"), "0\n");
  EXPECT_FALSE(define_vgpu(tools(), {uuid_b, "", "", true}, uuid_b)) << "it does not exist";
}

TEST_F(StoreTest, ApplyIsIdempotentAndADryRunChangesNothing) {
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
  EXPECT_THAT(second.plan.cards.at(0).keep, SizeIs(3));
  EXPECT_THAT(driver.writes, IsEmpty());
  for (const auto& name : made) driver.write("/sys/bus/mdev/devices/" + name + "/remove", "1");
  apply();
  EXPECT_EQ(names(), made) << "the same ones after each boot";
}

TEST_F(StoreTest, MdevctlSeesWhatVgpusYamlDefines) {
  fake.p4();
  yaml("- {card: 65:00.0, type: P4-1Q, uuids: [" + uuid_a + "]}\n");
  apply();
  EXPECT_THAT(fake.text("etc/mdevctl.d/0000:65:00.0/" + uuid_a),
              HasSubstr("\"mdev_type\": \"nvidia-63\",\n  \"start\": \"manual\""));
  EXPECT_THAT(load_definitions(fake.host)->all, SizeIs(1)) << "the copy is no second one";
  yaml("- {card: 65:00.0, type: P4-1Q, uuids: [" + uuid_b + "]}\n");
  apply();
  EXPECT_FALSE(fake.has("etc/mdevctl.d/0000:65:00.0/" + uuid_a)) << "nor does it outlive its entry";
}

TEST_F(StoreTest, ACardGetsAllOrNothingAndTheOthersTheirs) {
  fake.p4("0000:65:00.0");
  fake.p4("0000:66:00.0");
  yaml(
      "- {card: 65:00.0, type: nvidia-63, count: 9}\n- {card: 66:00.0, type: nvidia-64, count: 2}\n- {card: 67:00.0, type: a, "
      "count: 1}\n");
  const auto applied = apply();
  EXPECT_FALSE(applied.complete());
  ASSERT_THAT(applied.plan.cards, SizeIs(3));
  EXPECT_THAT(applied.plan.cards[0].problems, ElementsAre(HasSubstr("there is no room for nvidia-63")));
  EXPECT_THAT(applied.outcomes[1].created, SizeIs(2));
  EXPECT_THAT(applied.plan.cards[2].problems, ElementsAre(HasSubstr("no such card")));
  EXPECT_THAT(names(), SizeIs(2));
}

TEST_F(StoreTest, WhatFailsHalfWayIsTakenBack) {
  fake.p4("0000:65:00.0");
  fake.p4("0000:66:00.0");
  yaml("- {card: 65:00.0, type: nvidia-63, uuids: [" + uuid_a + "]}\n- {card: 65:00.0, type: nvidia-64, uuids: [" + uuid_b +
       "]}\n- {card: 66:00.0, type: nvidia-64, count: 1}\n");
  for (const int error : {EPERM, EBUSY, ENOSPC, EEXIST, ENODEV, EIO}) {
    driver.fail = {{"65:00.0/mdev_supported_types/nvidia-64/create", error}};
    const auto applied = apply();
    EXPECT_FALSE(applied.complete());
    ASSERT_TRUE(applied.outcomes[0].error);
    EXPECT_THAT(applied.outcomes[0].error->message(), HasSubstr(uuid_b));
    EXPECT_THAT(applied.outcomes[0].created, IsEmpty());
    EXPECT_THAT(names(), SizeIs(1)) << "only the one on the other card";
  }
  driver.fail = {};
  EXPECT_TRUE(apply().complete());
  EXPECT_THAT(names(), SizeIs(3)) << "and the next apply completes it";
}

TEST_F(StoreTest, AnInterruptedApplyLeavesNothingHalfMade) {
  fake.p4();
  yaml("- {card: 65:00.0, type: nvidia-63, count: 3}\n");
  struct Signalling : test::FakeDriver {
    using FakeDriver::FakeDriver;
    int write(const std::string& path, std::string_view text) override {
      const int error = FakeDriver::write(path, text);
      if (path.ends_with("/create") && writes.size() == 2) std::raise(SIGTERM);
      return error;
    }
  } signalling(fake);
  const Interrupt interrupt;
  const auto applied = apply_vgpus({fake.host, signalling, [] { return false; }, [] {}}, false);
  ASSERT_TRUE(applied);
  ASSERT_TRUE(applied->outcomes.at(0).error);
  EXPECT_EQ(applied->outcomes[0].error->why, "interrupted");
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(StoreTest, TwoAppliesComeOneAfterTheOther) {
  fake.p4();
  yaml("- {card: 65:00.0, type: nvidia-63, count: 1}\n");
  auto held = FileLock::acquire(fake.host.in_root("/run/vgpukit/vgpus.lock"), [] {});
  ASSERT_TRUE(held && held->held());
  bool waited = false;
  // The first one ends while the second waits.
  const auto applied =
      apply_vgpus({fake.host, driver, [] { return false; }, [&] { waited = true, FileLock(std::move(*held)); }}, false);
  ASSERT_TRUE(applied);
  EXPECT_TRUE(waited);
  EXPECT_TRUE(applied->complete());
}

TEST_F(StoreTest, WhatExistsInAnotherWayIsLeftAndSaid) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-64", uuid_a);
  yaml("- {card: 65:00.0, type: nvidia-63, uuids: [" + uuid_a + "]}\n");
  const auto applied = apply();
  EXPECT_THAT(applied.plan.cards.at(0).problems, ElementsAre(HasSubstr("it exists as nvidia-64 on 0000:65:00.0; remove it first")));
  EXPECT_THAT(names(), ElementsAre(uuid_a));
}

TEST_F(StoreTest, CountedFunctionsAreMadeWithTheirCardsFunctions) {
  fake.l40(0);
  yaml(
      "- {card: '0000:41:00.0', type: nvidia-1149, count: 1}\n- {card: '0000:41:00.0', type: nvidia-1150, functions: "
      "['41:00.4']}\n");
  EXPECT_TRUE(apply(true).plan.cards.at(0).needs_functions);
  const auto applied = apply();
  EXPECT_TRUE(applied.complete());
  EXPECT_TRUE(applied.outcomes.at(0).made_functions);
  EXPECT_EQ(fake.text("sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type"), "1150\n") << "the named one keeps its place";
  EXPECT_EQ(fake.text("sys/bus/pci/devices/0000:41:00.5/nvidia/current_vgpu_type"), "1149\n");
  driver.writes.clear();
  EXPECT_TRUE(apply().complete());
  EXPECT_THAT(driver.writes, IsEmpty());
}

TEST_F(StoreTest, UuidsAreForMdevAndFunctionsForVendorVfio) {
  fake.p4();
  fake.l40(2);
  yaml("- {card: 41:00.0, type: nvidia-1149, uuids: [" + uuid_a +
       "]}\n- {card: 65:00.0, type: nvidia-63, functions: ['65:00.4']}\n");
  const auto applied = apply();
  EXPECT_THAT(applied.plan.cards[0].problems, ElementsAre(HasSubstr("vGPUs have no UUID")));
  EXPECT_THAT(applied.plan.cards[1].problems, ElementsAre(HasSubstr("vGPUs have a UUID")));
}

TEST_F(StoreTest, AttributesAreWrittenAndARefusedOneTakesTheDeviceBack) {
  fake.p4();
  fake.file("etc/mdevctl.d/0000:65:00.0/" + uuid_a,
            R"({"mdev_type":"nvidia-63","start":"auto","attrs":[{"nvidia/vgpu_params":"x=1"}]})");
  driver.fail = {{"/nvidia/vgpu_params", EIO}};
  const auto applied = apply();
  EXPECT_THAT(applied.outcomes.at(0).error->message(), HasSubstr("set the attribute nvidia/vgpu_params of " + uuid_a));
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(StoreTest, TheListHoldsWhatExistsAndWhatIsDefined) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", uuid_a);
  fake.file("etc/mdevctl.d/0000:65:00.0/" + uuid_a, R"({"mdev_type":"nvidia-63","start":"auto"})");
  fake.file("etc/mdevctl.d/0000:77:00.0/" + uuid_b, R"({"mdev_type":"nvidia-63","start":"manual"})");
  const auto rows = list_vgpus(driver, look_at_vgpus(driver), load_definitions(fake.host)->all);
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_TRUE(rows[0].active && rows[0].defined && rows[0].automatic);
  EXPECT_TRUE(!rows[1].active && rows[1].defined && !rows[1].automatic);
  EXPECT_EQ(rows[1].device.parent, "0000:77:00.0");
}

TEST(VgpuXml, PersistentIsForMediatedDevicesOfPciCards) {
  Vgpu device;
  device.name = uuid_a;
  device.parent = "0000:65:00.0";
  device.type = "nvidia-63";
  ASSERT_TRUE(nodedev_xml(device));
  EXPECT_THAT(*nodedev_xml(device), HasSubstr("<parent>pci_0000_65_00_0</parent>"));
  EXPECT_THAT(hostdev_xml(device), HasSubstr("<address uuid='" + uuid_a + "'/>"));
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
}  // namespace vgpukit
