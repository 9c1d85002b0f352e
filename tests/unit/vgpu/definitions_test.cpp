#include "vgpu/definitions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vgpu/fake_cards.hpp"

namespace vgpukit::vgpu {
namespace {

using test::uuid_a;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

VgpuDefinition function(const std::string& card, const std::string& type) {
  VgpuDefinition one;
  one.card = card;
  one.type = type;
  one.name = "0000:41:00.4";
  return one;
}

std::string message_of(const std::string& text) {
  const auto parsed = parse_vgpus("vgpus.yaml", text);
  return parsed ? "" : parsed.error().message();
}

TEST(VgpusYaml, CountsUuidsAndFunctions) {
  const auto all = parse_vgpus("f",
                               "vgpus:\n"
                               "  - {card: 65:00.0, type: GRID P4-1Q, count: 2}\n"
                               "  - card: GPU-5c\n    type: nvidia-64\n    uuids: [" +
                                   test::uuid_a +
                                   "]\n"
                                   "  - {card: '0000:41:00.0', type: '1149', functions: ['41:00.4']}\n");
  ASSERT_TRUE(all) << all.error().message();
  ASSERT_THAT(*all, SizeIs(4));
  EXPECT_EQ((*all)[0].card, "0000:65:00.0");
  EXPECT_TRUE((*all)[0].counted);
  EXPECT_NE((*all)[0].name, (*all)[1].name);
  EXPECT_EQ((*all)[2].name, test::uuid_a);
  EXPECT_EQ((*all)[3].name, "0000:41:00.4");
}

// The XML of virtual machines has these UUIDs. If they changed, a machine would lose its vGPU after an update.
TEST(VgpusYaml, TheUuidsOfACountNeverChange) {
  const auto all = parse_vgpus("f", "vgpus:\n- {card: '0000:65:00.0', type: nvidia-63, count: 2}\n");
  ASSERT_TRUE(all);
  EXPECT_EQ((*all)[0].name, "574d09be-b60a-8e9a-a7b9-1e3aca38ceb3");
  const auto more = parse_vgpus(
      "f", "vgpus:\n- {card: 65:00.0, type: nvidia-63, count: 1}\n- {card: 65:00.0, type: nvidia-63, count: 2}\n");
  ASSERT_TRUE(more);
  EXPECT_EQ((*more)[0].name, (*all)[0].name);
  EXPECT_EQ((*more)[1].name, (*all)[1].name) << "a second entry goes on counting";
}

TEST(VgpusYaml, ParametersPlacementAndStart) {
  const auto all =
      parse_vgpus("f",
                  "vgpus:\n- {card: a, type: b, count: 2, params: {frame_rate_limiter: 0, disable_vnc: 1}}\n"
                  "- {card: a, type: b, uuids: [" +
                      uuid_a + "], placement: 4, start: manual}\n");
  ASSERT_TRUE(all) << all.error().message();
  EXPECT_EQ((*all)[1].attributes, (Attributes{{"nvidia/vgpu_params", "frame_rate_limiter=0,disable_vnc=1"}}));
  EXPECT_TRUE((*all)[1].automatic);
  EXPECT_EQ((*all)[2].attributes, (Attributes{{"nvidia/placement_id", "4"}}));
  EXPECT_FALSE((*all)[2].automatic);
  const std::string entry = "vgpus:\n- {card: a, type: b, count: 2, ";
  EXPECT_THAT(message_of(entry + "params: [a]}\n"), HasSubstr("2:40: a map for params"));
  EXPECT_THAT(message_of(entry + "params: {a: [1]}}\n"), HasSubstr("the parameter a"));
  EXPECT_THAT(message_of(entry + "params: {a: '1,b=2'}}\n"), HasSubstr("separates parameters with commas"));
  EXPECT_THAT(message_of(entry + "placement: 1}\n"), HasSubstr("a placement is for one vGPU"));
  EXPECT_THAT(message_of(entry + "start: now}\n"), HasSubstr("auto or manual for start"));
}

TEST(VgpusYaml, ALineHasAllOfADefinition) {
  auto one = function("0000:41:00.0", "NVIDIA L40-2Q");
  one.attributes = {{params_attribute, "frame_rate_limiter=0"}, {placement_attribute, "2"}};
  one.automatic = false;
  const auto text = with_device("f", "", one);
  ASSERT_TRUE(text) << text.error().message();
  const auto read = parse_vgpus("f", *text);
  ASSERT_TRUE(read);
  ASSERT_THAT(*read, SizeIs(1));
  EXPECT_EQ(read->front().attributes, one.attributes);
  EXPECT_FALSE(read->front().automatic);
}

TEST(VgpusYaml, SettingsOfCards) {
  const auto found = parse_vgpus_file("f",
                                      "cards:\n- {card: 65:00.0, mixed-sizes: true}\n"
                                      "- {card: '0322917092147', gpu-instances: [{profile: 1g.24gb+gfx, count: 4}, "
                                      "{profile: 47}]}\n");
  ASSERT_TRUE(found) << found.error().message();
  ASSERT_THAT(found->cards, SizeIs(2));
  EXPECT_EQ(found->cards[0].card, "0000:65:00.0");
  EXPECT_TRUE(found->cards[0].mixed_sizes);
  ASSERT_THAT(found->cards[1].gpu_instances, SizeIs(2));
  EXPECT_EQ(found->cards[1].gpu_instances[0].count, 4u);
  EXPECT_EQ(found->cards[1].gpu_instances[1].profile, "47");
  EXPECT_EQ(found->cards[1].gpu_instances[1].count, 1u);
  const std::string card = "cards:\n- {card: 65:00.0, ";
  EXPECT_THAT(message_of(card + "mixed-size: true}\n"), HasSubstr("did you mean 'mixed-sizes'"));
  EXPECT_THAT(message_of(card + "mixed-sizes: 1}\n"), HasSubstr("2:32: true or false"));
  EXPECT_THAT(message_of(card + "gpu-instances: [{profile: '-dgi'}]}\n"), HasSubstr("cannot be a profile"));
  EXPECT_THAT(message_of(card + "gpu-instances: [{profile: 1g.5gb, count: 99}]}\n"), HasSubstr("from 1 to 16"));
  EXPECT_THAT(message_of(card + "mixed-sizes: true}\n- {card: 0000:65:00.0}\n"), HasSubstr("under cards twice"));
  EXPECT_THAT(message_of("card: []\n"), HasSubstr("did you mean 'cards'"));
}

TEST(VgpusYaml, AnEmptyFileAndAnEmptyListAreNoVgpus) {
  for (const auto* text : {"", "\n", "vgpus: []\n", "vgpus:\n"}) {
    const auto all = parse_vgpus("f", text);
    ASSERT_TRUE(all) << text;
    EXPECT_THAT(*all, IsEmpty());
  }
}

TEST(VgpusYaml, EveryMistakeHasItsPosition) {
  EXPECT_THAT(message_of("vgpu: []\n"), HasSubstr("vgpus.yaml:1:1: unknown key 'vgpu'"));
  EXPECT_THAT(message_of("vgpus:\n  - card: a\n    tpye: b\n    count: 1\n"),
              HasSubstr("vgpus.yaml:3:5: unknown key 'tpye'"));
  EXPECT_THAT(message_of("vgpus:\n  - card: a\n    tpye: b\n    count: 1\n"), HasSubstr("did you mean 'type'"));
  EXPECT_THAT(message_of("vgpus:\n  - {card: a, type: b}\n"),
              HasSubstr("vgpus.yaml:2:5: a vGPU has exactly one of count, uuids and functions"));
  EXPECT_THAT(message_of("vgpus:\n  - {card: a, count: 1}\n"), HasSubstr("has no 'type'"));
  EXPECT_THAT(message_of("vgpus:\n  - {card: a, type: b, count: 0}\n"),
              HasSubstr("vgpus.yaml:2:31: a number from 1 to 1024"));
  EXPECT_THAT(message_of("vgpus:\n  - {card: a, type: b, count: 2000}\n"), HasSubstr("a number from 1 to 1024"));
  EXPECT_THAT(message_of("vgpus:\n  - {card: a, type: b, uuids: [x]}\n"), HasSubstr("vgpus.yaml:2:32: 'x' is no UUID"));
  EXPECT_THAT(message_of("vgpus:\n  - {card: a, type: b, functions: ['../../x']}\n"),
              HasSubstr("the PCI address of a virtual function"));
  EXPECT_THAT(message_of("vgpus:\n  - {card: ../../x, type: b, count: 1}\n"), HasSubstr("'../../x' cannot be a card"));
  EXPECT_THAT(message_of("vgpus:\n  - {card: a, type: ../../x, count: 1}\n"), HasSubstr("'../../x' cannot be a type"));
  EXPECT_THAT(message_of("vgpus:\n  - {card: a, type: b, uuids: [" + test::uuid_a +
                         "]}\n  - {card: c, type: d, uuids: [" + test::uuid_a + "]}\n"),
              HasSubstr("vgpus.yaml:3:32: " + test::uuid_a + " is in the file twice; the first is in line 2"));
  EXPECT_THAT(message_of("vgpus: {a: b}\n"), HasSubstr("a list for vgpus expected"));
  EXPECT_THAT(message_of("vgpus: [\n"), HasSubstr("not valid YAML"));
}

TEST(VgpusYaml, LinesAreAddedAndRemovedAndTheRestStays) {
  const std::string before = "# ours\nvgpus:\n- card: '0000:65:00.0'  # the old one\n  type: nvidia-63\n  count: 1\n";
  const auto more = with_device("f", before, function("0000:41:00.0", "nvidia-1149"));
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
  for (const auto* start : {"", "# only a comment\n", "vgpus: []\n", "vgpus:\n"}) {
    const auto first = with_device("f", start, function("0000:41:00.0", "nvidia-1149"));
    ASSERT_TRUE(first) << start << first.error().message();
    const auto none = without_device("f", *first, "0000:41:00.4");
    ASSERT_TRUE(none) << none.error().message();
    EXPECT_THAT(*parse_vgpus("f", *none), IsEmpty());
  }
  EXPECT_FALSE(with_device("f", "vgpus: [{card: a, type: b, count: 1}]\n", function("0000:41:00.0", "t")))
      << "a list in one line";
}

TEST(VgpusYaml, NoMachineHasThatMany) {
  std::string text = "vgpus:\n";
  for (int i = 0; i < 17; ++i) text += "- {card: '0000:65:00.0', type: nvidia-63, count: 1024}\n";
  EXPECT_THAT(message_of(text), HasSubstr("more than 16384 vGPUs, which no machine has"));
}

}  // namespace
}  // namespace vgpukit::vgpu
