#include "vgpu/vgpu.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vgpu/fake_cards.hpp"
#include "vgpu/uuid.hpp"
#include "vgpu/vendor_vfio.hpp"
#include "vgpu/vgpu_list.hpp"
#include "vgpu/vgpu_xml.hpp"

namespace vgpukit::vgpu {
namespace {

using test::uuid_a;
using test::uuid_b;
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
  EXPECT_THAT(place.error().message(), HasSubstr("no card here offers vGPUs"));
}

TEST_F(VgpuTest, MdevTypesWithWhatTheDriverTells) {
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

// mdevctl's own tests have parents and drivers of other kinds (tests/types.rs), and absolute links.
TEST_F(VgpuTest, OtherDriversAndAbsoluteLinksAsInMdevctlsTests) {
  fake.type("0.0.26ab", "vfio_ccw-io", "name", 4, "line one\nline two");
  fs::create_directories(fake.folder / "sys/class/mdev_bus/0.0.26ab" / test::uuid_a);
  fs::create_symlink(fake.folder / "sys/class/mdev_bus/0.0.26ab" / test::uuid_a,
                     fake.folder / "sys/bus/mdev/devices" / test::uuid_a);
  fs::create_symlink(fake.folder / "sys/class/mdev_bus/0.0.26ab/mdev_supported_types/vfio_ccw-io",
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
      << "the one that is a vGPU has no room";
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

TEST(CreatableTypes, TheHeaderMayBeMissingAndNonsenseIsPassedOver) {
  EXPECT_THAT(creatable_types("ID    : vGPU Name\n1149  : NVIDIA L40-1Q\n  7:x\n"),
              ElementsAre(Pair(1149u, "NVIDIA L40-1Q"), Pair(7u, "x")));
  EXPECT_THAT(creatable_types("5 : A\n"), ElementsAre(Pair(5u, "A")));
  EXPECT_THAT(creatable_types(""), IsEmpty());
  EXPECT_THAT(creatable_types("none\n12\n: \n99999999999 : big\n0 : zero\n\n"), IsEmpty());
}

TEST_F(VgpuTest, TypesByIdByNameAndByWhatEverybodyCallsThem) {
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

TEST(Uuid, OnlyTheFormThatTheKernelReads) {
  EXPECT_EQ(*parse_uuid("6F1C8A2E-9d0b-4C3D-8E7F-0123456789AB"), "6f1c8a2e-9d0b-4c3d-8e7f-0123456789ab");
  for (const auto* word : {"", "6f1c8a2e9d0b4c3d8e7f0123456789ab", "6f1c8a2e-9d0b-4c3d-8e7f-0123456789a",
                           "6f1c8a2e-9d0b-4c3d-8e7f-0123456789abc", "6f1c8a2g-9d0b-4c3d-8e7f-0123456789ab",
                           "../../../../../../../../../../../../", "6f1c8a2e-9d0b-4c3d-8e7f_0123456789ab"}) {
    const auto uuid = parse_uuid(word);
    ASSERT_FALSE(uuid) << word;
    EXPECT_EQ(uuid.error().kind, ErrorKind::usage);
  }
}

TEST(Uuid, NewOnesDifferAndDerivedOnesDoNot) {
  const auto one = new_uuid();
  const auto two = new_uuid();
  ASSERT_TRUE(one && two);
  EXPECT_TRUE(is_uuid(*one)) << *one;
  EXPECT_NE(*one, *two);
  EXPECT_EQ((*one)[14], '4');
  EXPECT_TRUE(is_uuid(derived_uuid("a")));
  EXPECT_EQ(derived_uuid("a"), derived_uuid("a"));
  EXPECT_NE(derived_uuid("a"), derived_uuid("b"));
  EXPECT_EQ(derived_uuid("a")[14], '8');
  EXPECT_THAT(std::string("89ab"), HasSubstr(std::string(1, derived_uuid("a")[19])));
}

class UsersTest : public VgpuTest {
 protected:
  void process(int pid, const std::string& comm, const std::string& cmdline, const std::string& open) const {
    const auto at = "proc/" + std::to_string(pid) + "/";
    fake.file(at + "comm", comm + "\n");
    fake.file(at + "cmdline", cmdline);
    fs::create_directories(fake.folder / at / "fd");
    if (!open.empty()) fake.link(at + "fd/12", open);
  }
  [[nodiscard]] std::vector<VgpuUser> users_of(const std::string& name) const {
    auto all = vgpu_users(driver, read_vgpus(driver).devices);
    return all[name];
  }
};

TEST_F(UsersTest, WhoHasTheGroupOpenIsNamedByQemusCommandLine) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a, 7);
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_b, 8);
  using std::string_literals::operator""s;
  process(4711, "qemu-system-x86", "/usr/bin/qemu-system-x86_64\0-name\0guest=web01,debug-threads=on\0-S\0"s,
          "/dev/vfio/7");
  process(4712, "vfio-client", "vfio-client\0"s, "/dev/vfio/77");
  ASSERT_EQ(users_of(test::uuid_a).size(), 1u);
  EXPECT_EQ(users_of(test::uuid_a)[0].text(), "the virtual machine 'web01' (qemu-system-x86, process 4711)");
  EXPECT_THAT(users_of(test::uuid_b), IsEmpty());
}

TEST_F(UsersTest, TheNodeOfNewerKernelsAndAProgramThatIsNoQemu) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a, 7);
  fake.file("sys/class/mdev_bus/0000:65:00.0/" + test::uuid_a + "/vfio-dev/vfio3/dev", "511:3\n");
  process(99, "cloud-hyperviso", "cloud-hypervisor", "/dev/vfio/devices/vfio3");
  ASSERT_EQ(users_of(test::uuid_a).size(), 1u);
  EXPECT_EQ(users_of(test::uuid_a)[0].text(), "cloud-hyperviso, process 99");
}

TEST_F(UsersTest, ACommandLineTellsOrdinaryUsersToo) {
  fake.p4();
  fake.l40(2);
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a, 7);
  fake.file("sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type", "1150\n");
  using std::string_literals::operator""s;
  process(1, "kvm",
          "/usr/bin/kvm\0-name\0desk,debug-threads=on\0-device\0vfio-pci,sysfsdev=/sys/bus/mdev/devices/"s +
              test::uuid_a + ",id=x",
          "");
  process(2, "kvm", "/usr/bin/kvm\0-device\0{\"driver\":\"vfio-pci\",\"host\":\"0000:41:00.4\",\"id\":\"h0\"}"s, "");
  ASSERT_EQ(users_of(test::uuid_a).size(), 1u);
  EXPECT_EQ(users_of(test::uuid_a)[0].vm, "desk");
  ASSERT_EQ(users_of("0000:41:00.4").size(), 1u);
  EXPECT_EQ(users_of("0000:41:00.4")[0].pid, 2);
}

TEST_F(UsersTest, LibvirtNamesTheMachineWhileItsProcessLives) {
  fake.l40(2);
  fake.file("sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type", "1150\n");
  const auto xml =
      "<domstatus state='running' reason='booted' pid='321'>\n <domain type='kvm'>\n  <name>cad-7</name>\n"
      "<devices><hostdev mode='subsystem' type='pci' managed='no'><source>"
      "<address domain='0x0000' bus='0x41' slot='0x00' "
      "function='0x4'/></source></hostdev></devices></domain></domstatus>";
  fake.file("run/libvirt/qemu/cad-7.xml", xml);
  EXPECT_THAT(users_of("0000:41:00.4"), IsEmpty()) << "its process is gone";
  process(321, "qemu-kvm", "", "");
  ASSERT_EQ(users_of("0000:41:00.4").size(), 1u);
  EXPECT_EQ(users_of("0000:41:00.4")[0].vm, "cad-7");
}

TEST_F(UsersTest, LibvirtNamesAFunctionOfADomainOfMoreThanFourDigits) {
  fake.l40(2, 2, "10000:41:00.0");
  fake.file("sys/bus/pci/devices/10000:41:00.4/nvidia/current_vgpu_type", "1150\n");
  fake.file("run/libvirt/qemu/cad-7.xml",
            "<domstatus state='running' pid='321'><domain><name>cad-7</name><devices><hostdev mode='subsystem'><source>"
            "<address domain='0x10000' bus='0x41' slot='0x00' "
            "function='0x4'/></source></hostdev></devices></domain></domstatus>");
  process(321, "qemu-kvm", "", "");
  ASSERT_EQ(users_of("10000:41:00.4").size(), 1u);
  EXPECT_EQ(users_of("10000:41:00.4")[0].vm, "cad-7");
}

}  // namespace
}  // namespace vgpukit::vgpu
