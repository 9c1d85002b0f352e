#include "vgpu/vgpu_change.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/fixture_host.hpp"
#include "vgpu/fake_cards.hpp"

namespace vgpukit::vgpu {
namespace {

using test::uuid_a;
using test::uuid_b;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class ChangeTest : public testing::Test {
 protected:
  [[nodiscard]] VgpuTools tools() {
    return {fake.host, driver, [this] { return [this] { return tries-- > 0; }; }, [] {}};
  }
  Result<VgpuStep> create(const std::string& type, const std::string& card = "", const std::string& uuid = "") {
    return create_vgpu(tools(), {type, card, uuid, true});
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& device : read_vgpus(driver).devices) all.push_back(device.name);
    return all;
  }
  test::FakeHost fake;
  test::FakeDriver driver{fake};
  int tries = 3;
};

TEST_F(ChangeTest, CreatesByNameOnTheCardWithAnInstanceAndRemoves) {
  fake.p4("0000:65:00.0");
  fake.p4("0000:66:00.0");
  fake.file("sys/class/mdev_bus/0000:65:00.0/mdev_supported_types/nvidia-63/available_instances", "0\n");
  const auto made = create("P4-1Q");
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->parent, "0000:66:00.0");
  EXPECT_EQ(made->type, "nvidia-63");
  EXPECT_THAT(names(), testing::ElementsAre(made->name));
  ASSERT_TRUE(remove_vgpu(tools(), made->name));
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ChangeTest, TakesTheGivenUuidInAnyCase) {
  fake.p4();
  ASSERT_TRUE(create("nvidia-63", "65:00.0", "6F1C8A2E-9D0B-4C3D-8E7F-0123456789AB"));
  EXPECT_THAT(names(), testing::ElementsAre("6f1c8a2e-9d0b-4c3d-8e7f-0123456789ab"));
  const auto again = create("nvidia-63", "", "6f1c8a2e-9d0b-4c3d-8e7f-0123456789ab");
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message(), HasSubstr("there is one of that UUID, on 0000:65:00.0"));
  EXPECT_EQ(driver.writes.size(), 1u) << "the second was never tried";
}

TEST_F(ChangeTest, BadInputWritesNothing) {
  fake.p4();
  const auto expect_error = [&](const Result<VgpuStep>& result, ErrorKind kind, const char* text) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, kind);
    EXPECT_THAT(result.error().message(), HasSubstr(text));
  };
  expect_error(create("nvidia-63", "", "no-uuid"), ErrorKind::usage, "use 'no-uuid' as a UUID");
  expect_error(create("nvidia-99"), ErrorKind::usage, "the vGPU type 'nvidia-99'");
  expect_error(create("../../x"), ErrorKind::usage, "the vGPU type '../../x'");
  expect_error(create("nvidia-63", "../../x"), ErrorKind::usage, "the card '../../x'");
  expect_error(create("nvidia-63", "0000:77:00.0"), ErrorKind::usage, "there is none with that address");
  fake.file("sys/class/mdev_bus/0000:65:00.0/mdev_supported_types/nvidia-63/available_instances", "0\n");
  expect_error(create("nvidia-63"), ErrorKind::failed, "no instance is available on 0000:65:00.0");
  for (const auto* name : {"../../x", "", "nvidia-63"}) EXPECT_FALSE(remove_vgpu(tools(), name)) << name;
  EXPECT_THAT(driver.writes, IsEmpty());
}

TEST_F(ChangeTest, EachErrnoIsExplained) {
  fake.p4();
  const std::map<int, const char*> meanings = {{EPERM, "Operation not permitted"},
                                               {EBUSY, "the card is busy"},
                                               {ENOSPC, "the card has no available instance of that type"},
                                               {EEXIST, "a device of that name already"},
                                               {ENODEV, "the card or its driver went away"},
                                               {EIO, "the driver failed at it"}};
  for (const auto& [error, meaning] : meanings) {
    driver.fail = {{"/create", error}};
    const auto made = create("nvidia-63", "", test::uuid_a);
    ASSERT_FALSE(made) << error;
    EXPECT_THAT(made.error().message(), HasSubstr(meaning));
    EXPECT_THAT(made.error().message(), HasSubstr(test::uuid_a));
    EXPECT_FALSE(made.error().next.empty()) << error;
  }
  EXPECT_THAT(names(), IsEmpty());
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a);
  for (const int error : {EPERM, EBUSY, ENODEV, EIO}) {
    driver.fail = {{"/remove", error}};
    const auto gone = remove_vgpu(tools(), test::uuid_a);
    ASSERT_FALSE(gone);
    EXPECT_THAT(gone.error().message(), HasSubstr("remove the vGPU " + test::uuid_a));
  }
  EXPECT_THAT(names(), Contains(test::uuid_a));
}

TEST_F(ChangeTest, ADriverThatIgnoresTheWriteIsReported) {
  fake.p4();
  Sysfs plain(fake.host);  // a folder does not react to writes
  const auto made = create_vgpu({fake.host, plain, [] { return [] { return false; }; }, [] {}},
                                {"nvidia-63", "", test::uuid_a, true});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message(), HasSubstr("no device appeared"));
  fake.l40(2);
  const auto function =
      create_vgpu({fake.host, plain, [] { return [] { return false; }; }, [] {}}, {"nvidia-1149", "41:00.4", "", true});
  ASSERT_TRUE(function) << "a file in a folder keeps what is written to it";
}

TEST_F(ChangeTest, AVgpuOfAVirtualMachineIsNotRemoved) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a, 7);
  fake.file("proc/50/comm", "qemu-kvm");
  fake.file("proc/50/cmdline", std::string("qemu-kvm\0-name\0guest=db", 23));
  fake.link("proc/50/fd/3", "/dev/vfio/7");
  const auto gone = remove_vgpu(tools(), test::uuid_a);
  ASSERT_FALSE(gone);
  EXPECT_THAT(gone.error().message(), HasSubstr("the virtual machine 'db'"));
  EXPECT_THAT(driver.writes, IsEmpty());
}

TEST_F(ChangeTest, AVirtualFunctionBecomesAVgpuAndIsResetAgain) {
  fake.l40(2);
  const auto made = create("L40-2Q");
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->name, "0000:41:00.4");
  EXPECT_EQ(fake.text("sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type"), "1150\n");
  const auto second = create("L40-2Q", "41:00.4");
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), HasSubstr("no instance is available"));
  EXPECT_FALSE(create("L40-2Q", "", test::uuid_a)) << "a function has no UUID";
  driver.fail = {{"/current_vgpu_type", EPERM}};
  EXPECT_THAT(create("L40-2Q").error().message(), HasSubstr("this virtual function is a vGPU already"));
  driver.fail = {};
  ASSERT_TRUE(remove_vgpu(tools(), "41:00.4"));
  EXPECT_EQ(fake.text("sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type"), "0\n");
}

TEST_F(ChangeTest, VirtualFunctionsAreMadeFirstWithRetries) {
  fake.l40(0);
  driver.lazy = 2;  // as sriov-manage, which may do nothing and exit with 0
  const auto made = create("nvidia-1149");
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->name, "0000:41:00.4");
  EXPECT_EQ(fake.text("sys/bus/pci/devices/0000:41:00.0/sriov_numvfs"), "2");
}

TEST_F(ChangeTest, MissingVirtualFunctionsEndInADeadline) {
  fake.l40(0);
  driver.lazy = 100;
  const auto made = create("nvidia-1149");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message(),
              HasSubstr("cannot make the 2 virtual functions of 0000:41:00.0: after the time limit there were 0"));
  for (const int error : {EPERM, ENOSPC, ENODEV, EIO, EBUSY}) {
    tries = 3;
    driver.fail = {{"/sriov_numvfs", error}};
    EXPECT_THAT(create("nvidia-1149").error().message(), HasSubstr("cannot make the 2 virtual functions")) << error;
  }
}

TEST_F(ChangeTest, ADriverThatMakesNoFunctionsIsReportedAtOnce) {
  fake.l40(0);
  driver.fail = {{"/sriov_numvfs", ENOENT}};
  const auto made = create("nvidia-1149");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().why, HasSubstr("the card's driver makes no virtual functions by itself"));
  EXPECT_THAT(made.error().next, HasSubstr("/usr/lib/nvidia/sriov-manage"));
  EXPECT_EQ(tries, 3) << "there is nothing to wait for";
}

TEST_F(ChangeTest, ADefinedUuidIsMadeAsItIsDefined) {
  fake.p4("0000:65:00.0");
  fake.p4("0000:66:00.0");
  fake.file("etc/mdevctl.d/0000:66:00.0/" + uuid_a,
            R"({"mdev_type":"nvidia-64","start":"manual","attrs":[{"nvidia/vgpu_params":"disable_vnc=1"}]})");
  const auto other = create("nvidia-63", "", uuid_a);
  ASSERT_FALSE(other) << "mdevctl refuses it, too";
  EXPECT_EQ(other.error().kind, ErrorKind::usage);
  EXPECT_THAT(other.error().why, HasSubstr("it is defined as nvidia-64 on 0000:66:00.0"));
  EXPECT_THAT(driver.writes, IsEmpty());
  EXPECT_FALSE(create("nvidia-64", "0000:65:00.0", uuid_a)) << "it is defined on the other card";
  const auto made = create("P4-2Q", "", uuid_a);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->parent, "0000:66:00.0");
  EXPECT_EQ(fake.text("sys/class/mdev_bus/0000:66:00.0/" + uuid_a + "/nvidia/vgpu_params"), "disable_vnc=1\n");
}

VgpuRequest with_params(const std::string& type, PluginParams params) {
  VgpuRequest request{type, "", "", true, {}};
  request.settings.params = std::move(params);
  return request;
}

TEST_F(ChangeTest, ParametersAreWrittenAfterTheVgpuWasMade) {
  fake.p4();
  fake.l40(1);
  const PluginParams params = {{"frame_rate_limiter", "0"}, {"of_another_branch", "x"}};
  const auto mdev = create_vgpu(tools(), with_params("P4-1Q", params));
  ASSERT_TRUE(mdev) << mdev.error().message();
  EXPECT_EQ(driver.writes.back(),
            "/sys/bus/mdev/devices/" + mdev->name + "/nvidia/vgpu_params frame_rate_limiter=0,of_another_branch=x");
  auto request = with_params("L40-1Q", {{"disable_vnc", "1"}});
  request.settings.placement = "3";
  const auto function = create_vgpu(tools(), request);
  ASSERT_TRUE(function) << function.error().message();
  EXPECT_EQ(driver.writes.back(), "/sys/bus/pci/devices/0000:41:00.4/nvidia/placement_id 3");
  EXPECT_EQ(fake.text("sys/bus/pci/devices/0000:41:00.4/nvidia/vgpu_params"), "disable_vnc=1\n");
}

TEST_F(ChangeTest, AParameterThatTheDriverRefusesLeavesNoVgpu) {
  fake.p4();
  fake.l40(1);
  const auto mdev = create_vgpu(tools(), with_params("P4-1Q", {{"frame_rate_limiter", "refused"}}));
  ASSERT_FALSE(mdev);
  EXPECT_THAT(mdev.error().message(), HasSubstr("to 'frame_rate_limiter=refused': the driver does not accept this"));
  const auto function = create_vgpu(tools(), with_params("L40-1Q", {{"disable_vnc", "ignored"}}));
  ASSERT_FALSE(function);
  EXPECT_THAT(function.error().message(), HasSubstr("accepted the request, but it is '' now"));
  EXPECT_THAT(names(), IsEmpty());
  driver.fail = {{"/vgpu_params", EBUSY}};
  const auto busy = create_vgpu(tools(), with_params("P4-1Q", {{"frame_rate_limiter", "0"}}));
  ASSERT_FALSE(busy);
  EXPECT_THAT(busy.error().why, HasSubstr("a virtual machine has the vGPU open"));
  fs::remove(fake.folder / "sys/bus/pci/devices/0000:41:00.4/nvidia/placement_id");
  VgpuRequest placed{"L40-1Q", "", "", true, {}};
  placed.settings.placement = "1";
  EXPECT_THAT(create_vgpu(tools(), placed).error().why, HasSubstr("the driver has no such file for this vGPU"));
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ChangeTest, AUuidThatIsDefinedForTwoCardsNeedsTheCard) {
  fake.p4("0000:65:00.0");
  fake.p4("0000:66:00.0");
  for (const auto* card : {"0000:65:00.0", "0000:66:00.0"})
    fake.file(std::string("etc/mdevctl.d/") + card + "/" + uuid_a, R"({"mdev_type":"nvidia-64","start":"manual"})");
  EXPECT_THAT(create("nvidia-64", "", uuid_a).error().next, HasSubstr("--card"));
  const auto made = create("nvidia-64", "66:00.0", uuid_a);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->parent, "0000:66:00.0");
}

TEST_F(ChangeTest, TheFirstVgpuOfACardDecidesTheSize) {
  fake.type("0000:65:00.0", "nvidia-304", "GRID V100D-4Q", 0);
  fake.type("0000:65:00.0", "nvidia-305", "GRID V100D-8Q", 3);
  fake.device("0000:65:00.0", "nvidia-305", uuid_a);
  const auto made = create("V100D-4Q");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().why, HasSubstr("no instance is available on 0000:65:00.0"));
  EXPECT_THAT(made.error().why, HasSubstr("it runs GRID V100D-8Q, and the first vGPU of a card decides the size"));
}

// The driver's table has only the types that can be made beside the vGPUs of the card.
TEST_F(ChangeTest, ATypeThatTheTableNoLongerHasIsStillAType) {
  fake.l40(0);
  ASSERT_TRUE(create("L40-2Q"));
  fake.file("sys/bus/pci/devices/0000:41:00.5/nvidia/creatable_vgpu_types",
            "ID    : vGPU Name\n1150  : NVIDIA L40-2Q\n");
  const auto made = create("L40-1Q");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::failed);
  EXPECT_THAT(made.error().why, HasSubstr("it runs NVIDIA L40-2Q, and the first vGPU of a card decides the size"));
}

Error refused(const test::FixtureHost& host) {
  Sysfs sysfs(host.host);
  const auto made =
      create_vgpu({host.host, sysfs, [] { return [] { return false; }; }, [] {}}, {"nvidia-63", "", "", true});
  EXPECT_FALSE(made);
  return made ? Error{} : made.error();
}

TEST(CreateOnHosts, ADriverThatOffersNoTypes) {
  const test::FixtureHost host("p4-no-types");
  const auto error = refused(host);
  EXPECT_EQ(error.kind, ErrorKind::failed);
  EXPECT_THAT(error.why, HasSubstr("the driver 535.129.03 offers no vGPU types on it (Tesla P4"));
  EXPECT_THAT(error.why, HasSubstr("nvidia-vgpud.service: "));
  EXPECT_THAT(error.next, HasSubstr("systemctl status nvidia-vgpud"));
  host.tree.file("var/log/syslog", "Jan 1 h nvidia-vgpud[9]: error: failed to send vGPU configuration info to RM: 6\n");
  EXPECT_THAT(refused(host).why, HasSubstr("failed to send vGPU configuration info to RM: 6"));
  fs::remove_all(host.folder / "sys/module/nvidia_vgpu_vfio");
  EXPECT_THAT(refused(host).why, HasSubstr("is not one for vGPU hosts"));
}

TEST(CreateOnHosts, ACardWithoutVgpus) {
  const test::FixtureHost host("p2000");
  const auto error = refused(host);
  EXPECT_EQ(error.kind, ErrorKind::failed);
  EXPECT_THAT(error.why, HasSubstr("Quadro P2000 (GP106, Pascal): this card has no vGPUs with any driver"));
}

TEST(CreateOnHosts, NoCardHasTheDriver) {
  EXPECT_EQ(refused(test::FixtureHost("d3cold")).kind, ErrorKind::missing);
}

TEST_F(ChangeTest, WithoutPermissionNothingIsChanged) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  fake.p4();
  fs::permissions(fake.folder.path(), fs::perms::owner_write, fs::perm_options::remove);
  const auto made = create("nvidia-63");
  fs::permissions(fake.folder.path(), fs::perms::owner_write, fs::perm_options::add);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::denied);
  EXPECT_THAT(made.error().message(), HasSubstr("that needs root"));
  EXPECT_THAT(driver.writes, IsEmpty());
}

}  // namespace
}  // namespace vgpukit::vgpu
