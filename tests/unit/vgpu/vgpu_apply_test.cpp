#include "vgpu/vgpu_apply.hpp"

#include <csignal>

#include "support/interrupt.hpp"
#include "vgpu/definitions_fixture.hpp"

namespace vgpukit::vgpu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class VgpuApply : public DefinitionsTest {};

TEST_F(VgpuApply, IsIdempotentAndADryRunChangesNothing) {
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
  EXPECT_EQ(names(), made) << "the same UUIDs after each boot";
}

// A driver with which another program makes the same device between the look and the write.
class RacingDriver : public test::FakeDriver {
 public:
  RacingDriver(const test::FakeHost& fake, std::string uuid, std::string type)
      : FakeDriver(fake), uuid_(std::move(uuid)), type_(std::move(type)) {}
  int write(const std::string& path, std::string_view text) override {
    if (path.ends_with("/create") && text == uuid_ && !raced_) {
      raced_ = true;
      auto other = path;
      other.replace(other.find("nvidia-"), other.rfind('/') - other.find("nvidia-"), type_);
      if (const int error = FakeDriver::write(other, uuid_)) return error;
    }
    return FakeDriver::write(path, text);
  }

 private:
  std::string uuid_, type_;
  bool raced_ = false;
};

TEST_F(VgpuApply, ADeviceThatAppearedMeanwhileIsWhatWasWanted) {
  fake.p4();
  for (const auto& uuid : {test::uuid_a, test::uuid_b})
    fake.file("etc/mdevctl.d/0000:65:00.0/" + uuid, R"({"mdev_type":"nvidia-63","start":"auto"})");
  RacingDriver racing(fake, test::uuid_b, "nvidia-63");
  const auto applied = apply_vgpus({fake.host, racing, [] { return [] { return false; }; }, [] {}}, {});
  ASSERT_TRUE(applied);
  EXPECT_TRUE(applied->complete()) << applied->outcomes.at(0).error->message();
  EXPECT_THAT(names(), ElementsAre(test::uuid_a, test::uuid_b));
  EXPECT_THAT(applied->outcomes.at(0).created, SizeIs(1));
  EXPECT_THAT(applied->plan.cards.at(0).existing, SizeIs(1));
}

TEST_F(VgpuApply, ADeviceOfAnotherTypeThatAppearedMeanwhileIsAProblem) {
  fake.p4();
  for (const auto& uuid : {test::uuid_a, test::uuid_b})
    fake.file("etc/mdevctl.d/0000:65:00.0/" + uuid, R"({"mdev_type":"nvidia-63","start":"auto"})");
  RacingDriver racing(fake, test::uuid_b, "nvidia-64");
  const auto applied = apply_vgpus({fake.host, racing, [] { return [] { return false; }; }, [] {}}, {});
  ASSERT_TRUE(applied);
  EXPECT_FALSE(applied->complete());
  EXPECT_THAT(names(), ElementsAre(test::uuid_b)) << "ours is removed, the other program's stays";
}

TEST_F(VgpuApply, ACardGetsAllOrNothingAndOtherCardsTheirs) {
  fake.p4("0000:65:00.0");
  fake.p4("0000:66:00.0");
  yaml(
      "- {card: 65:00.0, type: nvidia-63, count: 9}\n- {card: 66:00.0, type: nvidia-64, count: 2}\n- {card: 67:00.0, "
      "type: a, "
      "count: 1}\n");
  const auto applied = apply();
  EXPECT_FALSE(applied.complete());
  ASSERT_THAT(applied.plan.cards, SizeIs(3));
  EXPECT_THAT(applied.plan.cards[0].problems,
              ElementsAre(HasSubstr("no instance of nvidia-63 (GRID P4-1Q) is available")));
  EXPECT_THAT(applied.outcomes[1].created, SizeIs(2));
  EXPECT_THAT(applied.plan.cards[2].problems, ElementsAre(HasSubstr("there are: 0000:65:00.0, 0000:66:00.0")));
  EXPECT_THAT(names(), SizeIs(2));
}

TEST_F(VgpuApply, AfterAFailureTheCardsVgpusAreRemoved) {
  smi.cards["0000:65:00.0"].mixed = "Enabled";
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

TEST_F(VgpuApply, AfterAnInterruptTheCardsVgpusAreRemoved) {
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
  const auto applied = apply_vgpus({fake.host, signalling, [] { return [] { return false; }; }, [] {}}, {});
  ASSERT_TRUE(applied);
  ASSERT_TRUE(applied->outcomes.at(0).error);
  EXPECT_EQ(applied->outcomes[0].error->why, "interrupted");
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(VgpuApply, TwoAppliesComeOneAfterTheOther) {
  fake.p4();
  yaml("- {card: 65:00.0, type: nvidia-63, count: 1}\n");
  auto held = FileLock::acquire(fake.host.in_root("/run/vgpukit/vgpus.lock"), [] {});
  ASSERT_TRUE(held && held->held());
  bool waited = false;
  // The first one ends while the second waits.
  const auto applied = apply_vgpus(
      {fake.host, driver, [] { return [] { return false; }; }, [&] { waited = true, FileLock(std::move(*held)); }}, {});
  ASSERT_TRUE(applied);
  EXPECT_TRUE(waited);
  EXPECT_TRUE(applied->complete());
}

TEST_F(VgpuApply, TypeNamesOfAFullCardAreRemembered) {
  smi.cards["0000:41:00.0"].mixed = "Enabled";
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
  // As if another program had made them: their names were never seen.
  fs::remove_all(fake.folder / "run");
  const auto elsewhere = apply();
  EXPECT_TRUE(elsewhere.complete());
  EXPECT_THAT(elsewhere.plan.cards.at(0).existing, SizeIs(2));
  EXPECT_THAT(elsewhere.plan.undefined, IsEmpty());
}

TEST_F(VgpuApply, AVgpuOfAnotherTypeStaysAndIsReported) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-64", test::uuid_a);
  yaml("- {card: 65:00.0, type: nvidia-63, uuids: [" + test::uuid_a + "]}\n");
  const auto applied = apply();
  EXPECT_THAT(applied.plan.cards.at(0).problems,
              ElementsAre(HasSubstr("it exists as nvidia-64 on 0000:65:00.0; remove it first")));
  EXPECT_THAT(names(), ElementsAre(test::uuid_a));
}

TEST_F(VgpuApply, CountedFunctionsAreMadeWithTheirCardsFunctions) {
  smi.cards["0000:41:00.0"] = {};
  fake.l40(0);
  yaml(
      "- {card: '0000:41:00.0', type: nvidia-1149, count: 1}\n- {card: '0000:41:00.0', type: nvidia-1150, functions: "
      "['41:00.4']}\n",
      "- {card: 41:00.0, mixed-sizes: true}\n");
  EXPECT_TRUE(apply(true).plan.cards.at(0).needs_functions);
  const auto applied = apply();
  EXPECT_TRUE(applied.complete());
  EXPECT_TRUE(applied.outcomes.at(0).made_functions);
  EXPECT_EQ(fake.text("sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type"), "1150\n")
      << "the named function gets its type";
  EXPECT_EQ(fake.text("sys/bus/pci/devices/0000:41:00.5/nvidia/current_vgpu_type"), "1149\n");
  driver.writes.clear();
  EXPECT_TRUE(apply().complete());
  EXPECT_THAT(driver.writes, IsEmpty());
}

TEST_F(VgpuApply, UuidsAreForMdevAndFunctionsForVendorVfio) {
  fake.p4();
  fake.l40(2);
  yaml("- {card: 41:00.0, type: nvidia-1149, uuids: [" + test::uuid_a +
       "]}\n- {card: 65:00.0, type: nvidia-63, functions: ['65:00.4']}\n");
  const auto applied = apply();
  EXPECT_THAT(applied.plan.cards[0].problems, ElementsAre(HasSubstr("vGPUs have no UUID")));
  EXPECT_THAT(applied.plan.cards[1].problems, ElementsAre(HasSubstr("vGPUs have a UUID")));
}

TEST_F(VgpuApply, PruneRemovesWhatIsNotDefinedAndNotInUse) {
  fake.p4();
  const std::string in_use = "77777777-7777-4888-9999-aaaaaaaaaaaa";
  const std::string other = "88888888-7777-4888-9999-aaaaaaaaaaaa";
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a, 7);
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_b, 8);
  fake.device("0000:65:00.0", "nvidia-63", in_use, 9);
  fake.device("0000:65:00.0", "nvidia-63", other, 10);
  fake.file("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a, R"({"mdev_type":"nvidia-63","start":"manual"})");
  fake.file("etc/mdevctl.d/0000:99:00.0/" + other, R"({"mdev_type":"nvidia-63","start":"auto"})");
  fake.file("proc/123/comm", "qemu\n");
  fake.file("proc/123/cmdline", "qemu");
  fake.link("proc/123/fd/5", "/dev/vfio/9");
  const auto dry = apply_vgpus(tools(), {true, true});
  ASSERT_TRUE(dry);
  ASSERT_THAT(dry->pruned, SizeIs(1));
  EXPECT_EQ(dry->pruned[0].name, test::uuid_b);
  EXPECT_THAT(names(), SizeIs(4));
  const auto applied = apply_vgpus(tools(), {false, true});
  ASSERT_TRUE(applied);
  ASSERT_THAT(applied->pruned, SizeIs(1));
  ASSERT_THAT(applied->not_pruned, SizeIs(1));
  EXPECT_EQ(applied->not_pruned[0].name, in_use);
  EXPECT_THAT(applied->not_pruned[0].why, HasSubstr("process 123"));
  EXPECT_THAT(names(), ElementsAre(test::uuid_a, in_use, other)) << "a definition for another card is one, too";
}

TEST_F(VgpuApply, PruneMakesSpaceForWhatIsDefined) {
  fake.p4();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(create_vgpu(tools(), {"P4-2Q", "", "", true}));
  yaml("- {card: 65:00.0, type: P4-2Q, uuids: [" + test::uuid_a + "]}\n");
  EXPECT_FALSE(apply().complete());
  const auto dry = apply_vgpus(tools(), {true, true});
  ASSERT_TRUE(dry);
  EXPECT_TRUE(dry->complete()) << "the dry run counts what would be removed";
  EXPECT_THAT(dry->plan.cards.at(0).create, SizeIs(1));
  const auto applied = apply_vgpus(tools(), {false, true});
  ASSERT_TRUE(applied);
  EXPECT_TRUE(applied->complete());
  EXPECT_THAT(names(), ElementsAre(test::uuid_a));
}

TEST_F(VgpuApply, PruneRemovesNothingWhileADefinitionCannotBeRead) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a);
  fake.file("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a, "{broken");
  const auto applied = apply_vgpus(tools(), {false, true});
  ASSERT_TRUE(applied);
  EXPECT_THAT(names(), ElementsAre(test::uuid_a));
  EXPECT_THAT(applied->not_pruned, SizeIs(1));
}

TEST_F(VgpuApply, StartMakesOneVgpuAsItIsDefined) {
  fake.p4();
  fake.l40(0);
  yaml(
      "- {card: 65:00.0, type: P4-1Q, count: 2}\n- {card: 41:00.0, type: L40-2Q, functions: ['41:00.5'], start: "
      "manual, "
      "params: {disable_vnc: 1}}\n");
  fake.file("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a,
            R"({"mdev_type":"nvidia-63","start":"manual","attrs":[{"nvidia/vgpu_params":"disable_vnc=1"}]})");
  const auto started = start_defined(tools(), test::uuid_a, "");
  ASSERT_TRUE(started) << started.error().message();
  EXPECT_FALSE(started->existed);
  EXPECT_THAT(names(), ElementsAre(test::uuid_a)) << "only that one";
  EXPECT_EQ(fake.text("sys/class/mdev_bus/0000:65:00.0/" + test::uuid_a + "/nvidia/vgpu_params"), "disable_vnc=1\n");
  EXPECT_TRUE(start_defined(tools(), test::uuid_a, "")->existed);
  const auto function = start_defined(tools(), "41:00.5", "");
  ASSERT_TRUE(function) << function.error().message();
  EXPECT_EQ(fake.text("sys/bus/pci/devices/0000:41:00.5/nvidia/vgpu_params"), "disable_vnc=1\n")
      << "its virtual functions are made first";
  EXPECT_EQ(start_defined(tools(), test::uuid_b, "").error().kind, ErrorKind::usage);
  EXPECT_TRUE(fake.text("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a).find("manual") != std::string::npos);
}

TEST_F(VgpuApply, StartTellsWhatPreventsIt) {
  fake.p4();
  fake.file("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a, R"({"mdev_type":"nvidia-99","start":"manual"})");
  const auto started = start_defined(tools(), test::uuid_a, "");
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message(), HasSubstr("the card has no such type"));
  fake.file("etc/mdevctl.d/0000:66:00.0/" + test::uuid_a, R"({"mdev_type":"nvidia-63","start":"manual"})");
  EXPECT_THAT(start_defined(tools(), test::uuid_a, "").error().next, HasSubstr("--card"));
}

TEST_F(VgpuApply, StopIsForDefinedVgpus) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a);
  EXPECT_THAT(stop_defined(tools(), test::uuid_a).error().message(), HasSubstr("it is not defined"));
  fake.file("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a, R"({"mdev_type":"nvidia-63","start":"manual"})");
  EXPECT_TRUE(stop_defined(tools(), test::uuid_a));
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(VgpuApply, AfterARefusedAttributeTheDeviceIsRemoved) {
  fake.p4();
  fake.file("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a,
            R"({"mdev_type":"nvidia-63","start":"auto","attrs":[{"nvidia/vgpu_params":"x=1"}]})");
  driver.fail = {{"/nvidia/vgpu_params", EIO}};
  const auto applied = apply();
  EXPECT_THAT(applied.outcomes.at(0).error->message(), HasSubstr("set nvidia/vgpu_params of the vGPU " + test::uuid_a));
  EXPECT_THAT(names(), IsEmpty());
}

}  // namespace
}  // namespace vgpukit::vgpu
