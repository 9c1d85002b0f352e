#include "vgpu/card_modes.hpp"

#include "vgpu/definitions_fixture.hpp"
#include "vgpu/vgpu_list.hpp"

namespace vgpukit::vgpu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string l40 = "0000:41:00.0";
const std::string mixed_on = "- {card: '" + l40 + "', mixed-sizes: true}\n";
const std::string four_instances = "- {card: '" + l40 + "', gpu-instances: [{profile: 1g.24gb+gfx, count: 4}]}\n";

class CardModesTest : public DefinitionsTest {
 protected:
  [[nodiscard]] std::string type_of(const std::string& function) const {
    return fake.text("sys/bus/pci/devices/" + function + "/nvidia/current_vgpu_type");
  }
  std::string problem_of(const AppliedVgpus& applied) {
    std::string all;
    for (const auto& card : applied.plan.cards)
      for (const auto& problem : card.problems) all += problem + "\n";
    for (const auto& outcome : applied.outcomes)
      if (outcome.error) all += outcome.error->message() + "\n";
    return all;
  }
  const std::string two_sizes = "- {card: '" + l40 + "', type: L40-1Q, functions: ['41:00.4']}\n- {card: '" + l40 +
                                "', type: L40-2Q, functions: ['41:00.5']}\n";
};

TEST_F(CardModesTest, TwoSizesWithoutMixedSizesAreRefusedWithTheReason) {
  fake.l40(2);
  smi.cards[l40] = {};
  yaml(two_sizes);
  const auto applied = apply();
  EXPECT_THAT(problem_of(applied), HasSubstr("the vGPUs have different sizes (NVIDIA L40-1Q, NVIDIA L40-2Q)"));
  EXPECT_THAT(problem_of(applied), HasSubstr("vGPU Heterogeneous Mode: Disabled"));
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_THAT(smi.calls, IsEmpty());
  smi.cards[l40].mixed = "Enabled";  // somebody did it by hand
  EXPECT_TRUE(apply().complete());
}

TEST_F(CardModesTest, BesideAnExistingVgpuTheDriverDecides) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a);
  const std::string available = "sys/class/mdev_bus/0000:65:00.0/mdev_supported_types/nvidia-64/available_instances";
  fake.file(available, "0\n");
  yaml("- {card: 65:00.0, type: P4-2Q, count: 1}\n");
  EXPECT_THAT(problem_of(apply()), HasSubstr("it runs GRID P4-1Q, and the first vGPU of a card decides the size"));
  fake.file(available, "3\n");
  EXPECT_TRUE(apply().complete());
}

TEST_F(CardModesTest, MixedSizesAreSwitchedOnAfterTheFunctionsAndBeforeTheFirstVgpu) {
  fake.l40(0);
  smi.cards[l40] = {};
  yaml(two_sizes, mixed_on);
  const auto dry = apply(true);
  EXPECT_TRUE(dry.plan.cards.at(0).modes.mixed);
  EXPECT_THAT(smi.calls, IsEmpty());
  const auto applied = apply();
  EXPECT_TRUE(applied.complete()) << problem_of(applied);
  EXPECT_THAT(smi.calls, ElementsAre("functions", "vgpu -shm 1"));
  EXPECT_TRUE(applied.outcomes.at(0).modes.mixed);
  EXPECT_EQ(type_of("0000:41:00.4"), "1149\n");
  EXPECT_EQ(type_of("0000:41:00.5"), "1150\n");
  smi.calls.clear();
  EXPECT_TRUE(apply().complete());
  EXPECT_THAT(smi.calls, IsEmpty());
}

TEST_F(CardModesTest, MixedSizesAreNotTouchedWhileTheCardHasVgpus) {
  fake.l40(2);
  smi.cards[l40] = {};
  fake.file("sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type", "1149\n");
  yaml(two_sizes, mixed_on);
  EXPECT_THAT(problem_of(apply()), HasSubstr("mixed sizes are off, and nothing of that is changed while the card has"));
  EXPECT_THAT(smi.calls, IsEmpty());
  EXPECT_THAT(names(), SizeIs(1));
}

TEST_F(CardModesTest, ACardThatCannotMixSizes) {
  fake.l40(2);
  smi.cards[l40].can_be_mixed = "Not Supported";
  yaml(two_sizes, mixed_on);
  EXPECT_THAT(problem_of(apply()), HasSubstr("the card does not support it"));
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(CardModesTest, ADriverWithoutMixedSizes) {
  fake.l40(2);
  smi.cards[l40] = {};
  yaml(two_sizes, mixed_on);
  smi.branch = 535;
  EXPECT_THAT(problem_of(apply()), HasSubstr("the card does not support it"));
  smi.branch = 470;
  const auto text = problem_of(apply());
  EXPECT_THAT(text, HasSubstr("nvidia-smi vgpu -shm 1 -i 0000:41:00.0 ended with status 1: Invalid combination"));
  EXPECT_THAT(text, HasSubstr("drivers before branch 550 have no mixed sizes"));
  EXPECT_THAT(names(), IsEmpty());
  yaml(two_sizes);
  EXPECT_THAT(problem_of(apply()), HasSubstr("nvidia-smi -q tells nothing of mixed sizes"));
}

TEST_F(CardModesTest, MigModeThenFunctionsThenGpuInstancesThenVgpus) {
  fake.l40(0);
  smi.cards[l40].mig = smi.cards[l40].pending = "Disabled";
  yaml("- {card: '" + l40 + "', type: DC-1-24Q, count: 2}\n",
       "- {card: '" + l40 + "', gpu-instances: [{profile: 1g.24gb+gfx, count: 2}]}\n");
  const auto dry = apply(true);
  EXPECT_TRUE(dry.complete()) << problem_of(dry);
  EXPECT_TRUE(dry.plan.cards.at(0).modes.mig);
  EXPECT_THAT(dry.plan.cards.at(0).modes.gpu_instances, SizeIs(1));
  EXPECT_THAT(smi.calls, IsEmpty());
  const auto applied = apply();
  EXPECT_TRUE(applied.complete()) << problem_of(applied);
  EXPECT_THAT(smi.calls, ElementsAre("-mig 1", "functions", "mig -cgi 1g.24gb+gfx -C", "mig -cgi 1g.24gb+gfx -C"));
  EXPECT_EQ(type_of("0000:41:00.4"), "1561\n");
  EXPECT_EQ(type_of("0000:41:00.5"), "1561\n");
  smi.calls.clear();
  EXPECT_TRUE(apply().complete());
  EXPECT_THAT(smi.calls, IsEmpty());
}

TEST_F(CardModesTest, OnlyMissingGpuInstancesAreMadeAndNoneWhileTheCardHasVgpus) {
  fake.l40(2);
  auto& card = smi.cards[l40];
  card.mig = card.pending = "Enabled";
  card.instances = {{3, "1g.24gb+gfx"}, {4, "1g.24gb+gfx"}, {5, "1g.24gb+gfx"}};
  yaml("", four_instances);
  EXPECT_TRUE(apply().complete()) << "also without a vGPU in the file";
  EXPECT_THAT(smi.calls, ElementsAre("mig -cgi 1g.24gb+gfx -C"));
  card.instances.erase(3);
  fake.file("sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type", "1561\n");
  smi.calls.clear();
  EXPECT_THAT(problem_of(apply()), HasSubstr("GPU instances are missing, and nothing of that is changed while"));
  EXPECT_THAT(smi.calls, IsEmpty());
}

TEST_F(CardModesTest, ADryRunOfPruneCountsWhatItWouldRemove) {
  fake.l40(2);
  smi.cards[l40].mig = smi.cards[l40].pending = "Disabled";
  fake.file("sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type", "1149\n");
  yaml("", four_instances);
  EXPECT_THAT(problem_of(apply(true)), HasSubstr("nothing of that is changed while the card has vGPUs"));
  const auto dry = apply_vgpus(tools(), {true, true});
  ASSERT_TRUE(dry);
  EXPECT_TRUE(dry->complete()) << problem_of(*dry);
  EXPECT_TRUE(dry->plan.cards.at(0).modes.mig);
  EXPECT_THAT(names(), SizeIs(1));
}

TEST_F(CardModesTest, AfterAFailureTheNewGpuInstancesAreRemoved) {
  fake.l40(2);
  auto& card = smi.cards[l40];
  card.mig = card.pending = "Enabled";
  card.most_instances = 3;
  card.instances = {{9, "1g.24gb+gfx"}};
  yaml("", four_instances);
  const auto applied = apply();
  EXPECT_THAT(problem_of(applied),
              HasSubstr("nvidia-smi mig -cgi 1g.24gb+gfx -C -i 0000:41:00.0 ended with status 19"));
  EXPECT_THAT(problem_of(applied), HasSubstr("Insufficient Resources"));
  EXPECT_THAT(problem_of(applied), HasSubstr("nvidia-smi mig -lgip"));
  EXPECT_THAT(card.instances, SizeIs(1));
}

TEST_F(CardModesTest, AModeThatWaitsForAReset) {
  fake.l40(0);
  auto& card = smi.cards[l40];
  card.mig = card.pending = "Disabled";
  card.needs_reset = true;
  yaml("", four_instances);
  const auto text = problem_of(apply());
  EXPECT_THAT(text, HasSubstr("the mode waits for a reset of this one GPU (the host stays up)"));
  EXPECT_THAT(text, HasSubstr("nvidia-smi --gpu-reset -i 0000:41:00.0"));
  EXPECT_EQ(fake.text("sys/bus/pci/devices/0000:41:00.0/sriov_numvfs"), "0\n") << "nothing else was done";
}

TEST_F(CardModesTest, ACardWithoutMigAndACardThatIsAway) {
  fake.l40(2);
  smi.cards[l40] = {};
  yaml("", four_instances + "- {card: '0000:99:00.0', mixed-sizes: true}\n");
  const auto text = problem_of(apply());
  EXPECT_THAT(text, HasSubstr("the card has no MIG mode"));
  EXPECT_THAT(text, HasSubstr("its settings under cards: there is none with that address"));
}

TEST_F(CardModesTest, ACardThatIsBeingReset) {
  fake.l40(2);
  smi.lost = "Unable to determine the device handle for GPU0000:41:00.0: GPU is lost.  Reboot the system to recover";
  yaml(two_sizes, mixed_on);
  EXPECT_THAT(problem_of(apply()), HasSubstr("GPU is lost"));
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(CardModesTest, AMigTypeOfACardWithoutGpuInstancesIsExplained) {
  fake.l40(2);
  yaml("- {card: '" + l40 + "', type: DC-1-24Q, count: 2}\n");
  const auto text = problem_of(apply());
  EXPECT_THAT(text, HasSubstr("it is a type for GPU instances: it is offered while MIG mode is on"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << "the two of the count have one problem: " << text;
  const auto made = create_vgpu(tools(), {"DC-1-24Q", l40, "", true});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().next, HasSubstr("gpu-instances in vgpus.yaml"));
}

TEST(TypeNames, MigBackedOnesHaveTheNumberOfSlices) {
  const auto named = [](const std::string& name) {
    VgpuType type;
    type.name = name;
    return type;
  };
  for (const auto* name :
       {"NVIDIA A100-1-5C", "GRID A100X-4-40C", "NVIDIA RTX Pro 6000 Blackwell DC-1-24Q", "A100D-1-10CME"})
    EXPECT_TRUE(is_mig_backed(named(name))) << name;
  for (const auto* name :
       {"GRID P4-1Q", "NVIDIA RTX Pro 6000 Blackwell DC-24Q", "GRID T4-1B4", "", "a-b-c", "RTX6000-8Q"})
    EXPECT_FALSE(is_mig_backed(named(name))) << name;
  EXPECT_EQ(size_of(named("GRID T4-1B4")), "1");
  EXPECT_EQ(size_of(named("NVIDIA L40-48Q")), "48");
}

}  // namespace
}  // namespace vgpukit::vgpu
