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
  for (const auto* start : {"", "# only a comment\n", "vgpus: []\n", "vgpus:\n"}) {
    const auto first = with_function("f", start, "0000:41:00.0", "nvidia-1149", "0000:41:00.4");
    ASSERT_TRUE(first) << start << first.error().message();
    const auto none = without_device("f", *first, "0000:41:00.4");
    ASSERT_TRUE(none) << none.error().message();
    EXPECT_THAT(*parse_vgpus("f", *none), IsEmpty());
  }
  EXPECT_FALSE(with_function("f", "vgpus: [{card: a, type: b, count: 1}]\n", "0000:41:00.0", "t", "0000:41:00.4"))
      << "a list in one line";
}

TEST(VgpusYaml, NoMachineHasThatMany) {
  std::string text = "vgpus:\n";
  for (int i = 0; i < 17; ++i) text += "- {card: '0000:65:00.0', type: nvidia-63, count: 1024}\n";
  EXPECT_THAT(message_of(text), HasSubstr("more than 16384 vGPUs, which no machine has"));
}

}  // namespace
}  // namespace vgpukit::vgpu
