#include "vgpu/vgpu.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vgpu/fake_cards.hpp"
#include "vgpu/vgpu_list.hpp"
#include "vgpu/vgpu_xml.hpp"

namespace vgpukit::vgpu {
namespace {

using test::uuid_a;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class VgpuTest : public testing::Test {
 protected:
  test::FakeHost fake;
  test::FakeDriver driver{fake};
};

TEST_F(VgpuTest, AHostWithoutCardsHasNone) {
  const auto view = read_vgpus(driver);
  EXPECT_THAT(view.cards, IsEmpty());
  EXPECT_THAT(view.devices, IsEmpty());
  const auto place = find_place(view, "0000:65:00.0");
  ASSERT_FALSE(place);
  EXPECT_THAT(place.error().message(), HasSubstr("NVIDIA's driver has no card here"));
}

TEST_F(VgpuTest, MdevTypesWithTheDriversDescription) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a);
  const auto view = read_vgpus(driver);
  ASSERT_EQ(view.cards.size(), 1u);
  const auto& card = view.cards[0];
  EXPECT_EQ(card.interface, VgpuInterface::mdev);
  EXPECT_EQ(card.model, "Tesla P4");
  EXPECT_EQ(card.serial, "0322917092147");
  const auto type = card.types.at("nvidia-63");
  EXPECT_EQ(type.name, "GRID P4-1Q");
  EXPECT_EQ(type.framebuffer_mb, 1024u);
  EXPECT_EQ(type.heads, 4u);
  EXPECT_EQ(type.resolution, "5120x2880");
  EXPECT_EQ(type.max_instances, 8u);
  EXPECT_EQ(use_of(view, card, type).available, 8u);
  EXPECT_EQ(use_of(view, card, type).used, 1u);
  ASSERT_EQ(view.devices.size(), 1u);
  EXPECT_EQ(view.devices[0].parent, "0000:65:00.0");
  EXPECT_EQ(view.devices[0].type_name, "GRID P4-1Q");
  EXPECT_THAT(view.devices[0].nodes, ElementsAre("/dev/vfio/7"));
}

// mdevctl's own tests have such parents and drivers (tests/types.rs), and absolute links.
TEST_F(VgpuTest, OtherDriversAndAbsoluteLinks) {
  fake.type("0.0.26ab", "vfio_ccw-io", "name", 4, "line one\nline two");
  fs::create_directories(fake.folder / "sys/class/mdev_bus/0.0.26ab" / test::uuid_a);
  fs::create_symlink(fs::path("/sys/class/mdev_bus/0.0.26ab") / test::uuid_a,
                     fake.folder / "sys/bus/mdev/devices" / test::uuid_a);
  fs::create_symlink("/sys/class/mdev_bus/0.0.26ab/mdev_supported_types/vfio_ccw-io",
                     fake.folder / "sys/class/mdev_bus/0.0.26ab" / test::uuid_a / "mdev_type");
  const auto view = read_vgpus(driver);
  ASSERT_EQ(view.parents.size(), 1u);
  EXPECT_THAT(view.parents[0].available_instances, ElementsAre(Pair("vfio_ccw-io", 4u)));
  EXPECT_EQ(view.cards[0].types.at("vfio_ccw-io").description, "line one, line two");
  EXPECT_FALSE(view.cards[0].types.at("vfio_ccw-io").heads.has_value());
  ASSERT_EQ(view.devices.size(), 1u);
  EXPECT_EQ(view.devices[0].parent, "0.0.26ab");
  EXPECT_EQ(view.devices[0].type, "vfio_ccw-io");
}

TEST_F(VgpuTest, VirtualFunctionsBelongToTheirCard) {
  fake.l40(2);
  fake.file("sys/bus/pci/devices/0000:41:00.5/nvidia/current_vgpu_type", "1150\n");
  const auto view = read_vgpus(driver);
  ASSERT_EQ(view.cards.size(), 1u);
  EXPECT_EQ(view.cards[0].address, "0000:41:00.0");
  EXPECT_EQ(view.cards[0].interface, VgpuInterface::vendor_vfio);
  EXPECT_EQ(view.cards[0].functions, 2u);
  ASSERT_EQ(view.devices.size(), 1u);
  EXPECT_EQ(view.devices[0].name, "0000:41:00.5");
  EXPECT_EQ(view.devices[0].type, "nvidia-1150");
  EXPECT_EQ(view.devices[0].type_name, "NVIDIA L40-2Q");
  EXPECT_EQ(use_of(view, view.cards[0], view.cards[0].types.at("nvidia-1149")).available, 1u)
      << "a function that is a vGPU has none";
}

TEST_F(VgpuTest, ACardWhoseFunctionsAreNotMadeIsShown) {
  fake.l40(0);
  const auto view = read_vgpus(driver);
  ASSERT_EQ(view.cards.size(), 1u);
  EXPECT_EQ(view.cards[0].interface, VgpuInterface::none);
  EXPECT_EQ(view.cards[0].most_functions, 2u);
  EXPECT_EQ(function_address(driver, "0000:41:00.0", 1), "0000:41:00.5");
}

TEST_F(VgpuTest, ADomainMayHaveMoreThanFourDigits) {
  fake.p4("1000:65:00.0");
  fake.l40(2, 2, "10000:41:00.0");
  fake.file("sys/bus/pci/devices/10000:41:00.5/nvidia/current_vgpu_type", "1150\n");
  const auto view = read_vgpus(driver);
  ASSERT_EQ(view.cards.size(), 2u);
  EXPECT_EQ(view.cards[0].address, "1000:65:00.0") << "sorted by the domain's number";
  EXPECT_EQ(view.cards[1].address, "10000:41:00.0");
  ASSERT_EQ(view.devices.size(), 1u);
  EXPECT_EQ(view.devices[0].name, "10000:41:00.5");
  EXPECT_EQ(function_address(driver, "10000:41:00.0", 1), "10000:41:00.5");
  EXPECT_THAT(hostdev_xml(view.devices[0]),
              HasSubstr("<address domain='0x10000' bus='0x41' slot='0x00' function='0x5'/>"));
  const auto place = find_place(view, "00010000:41:00.0");
  ASSERT_TRUE(place) << place.error().message();
  EXPECT_EQ(place->card, "10000:41:00.0");
}

TEST_F(VgpuTest, TypesByIdByNameAndByShortName) {
  fake.p4();
  const auto view = read_vgpus(driver);
  for (const auto* word : {"nvidia-64", "64", "GRID P4-2Q", "P4-2Q", "p4-2q"}) {
    const auto type = find_type(view.cards[0], word);
    ASSERT_TRUE(type) << word;
    EXPECT_EQ((*type)->id, "nvidia-64") << word;
  }
  for (const auto* word : {"", "../../x", "nvidia-6", "4", "GRID", "Q"})
    EXPECT_FALSE(find_type(view.cards[0], word)) << word;
  EXPECT_THAT(find_type(view.cards[0], "nvidia-65").error().message(), HasSubstr("did you mean 'nvidia-6"));
}

TEST_F(VgpuTest, CardsByAddressSerialAndUuid) {
  fake.p4();
  const auto view = read_vgpus(driver);
  for (const auto* word :
       {"0000:65:00.0", "65:00.0", "00000000:65:00.0", "0322917092147", "gpu-5C6d7e8f-0a1b-2c3d-4e5f-60718293a4b5"}) {
    const auto place = find_place(view, word);
    ASSERT_TRUE(place) << word;
    EXPECT_EQ(place->card, "0000:65:00.0") << word;
  }
  for (const auto* word : {"", "../../x", "0000:66:00.0", "GPU-"}) {
    const auto place = find_place(view, word);
    ASSERT_FALSE(place) << word;
    EXPECT_EQ(place.error().kind, ErrorKind::usage);
    EXPECT_THAT(place.error().message(), HasSubstr("there are: 0000:65:00.0"));
  }
}

TEST_F(VgpuTest, TheTwoGpusOfABoardHaveOneSerialNumber) {
  fake.p4("0000:65:00.0");
  fake.p4("0000:66:00.0");
  const auto place = find_place(read_vgpus(driver), "0322917092147");
  ASSERT_FALSE(place);
  EXPECT_THAT(place.error().message(), HasSubstr("it is the serial number of 0000:65:00.0, 0000:66:00.0"));
}

TEST_F(VgpuTest, ATypeIsNamedByTheLastWordsOfItsName) {
  fake.type("0000:65:00.0", "nvidia-2100", "NVIDIA RTX Pro 6000 Blackwell DC-1-24Q", 4);
  fake.type("0000:65:00.0", "nvidia-2101", "NVIDIA RTX Pro 6000 Blackwell DC-24Q", 4);
  const auto view = read_vgpus(Sysfs(fake.host));
  const auto& card = *view.card("0000:65:00.0");
  for (const auto* word : {"DC-1-24Q", "dc-1-24q", "Blackwell DC-1-24Q", "RTX Pro 6000 Blackwell DC-1-24Q"}) {
    const auto type = find_type(card, word);
    ASSERT_TRUE(type) << word;
    EXPECT_EQ((*type)->id, "nvidia-2100");
  }
  EXPECT_FALSE(find_type(card, "24Q")) << "a part of a word is no name";
  EXPECT_THAT(find_type(card, "DC-1-24C").error().next, HasSubstr("did you mean 'DC-1-24Q'"));
}

}  // namespace
}  // namespace vgpukit::vgpu
