#include "vgpu/vgpu_users.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vgpu/fake_cards.hpp"

namespace vgpukit::vgpu {
namespace {

using test::uuid_a;
using testing::IsEmpty;

class UsersTest : public testing::Test {
 protected:
  test::FakeHost fake;
  test::FakeDriver driver{fake};
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

TEST_F(UsersTest, AProcessWithTheGroupOpenIsNamedByItsCommandLine) {
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

TEST_F(UsersTest, TheNodeOfNewerKernelsAndAProgramOtherThanQemu) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a, 7);
  fake.file("sys/class/mdev_bus/0000:65:00.0/" + test::uuid_a + "/vfio-dev/vfio3/dev", "511:3\n");
  process(99, "cloud-hyperviso", "cloud-hypervisor", "/dev/vfio/devices/vfio3");
  ASSERT_EQ(users_of(test::uuid_a).size(), 1u);
  EXPECT_EQ(users_of(test::uuid_a)[0].text(), "cloud-hyperviso, process 99");
}

TEST_F(UsersTest, QemuIsFoundByItsCommandLineAlone) {
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

TEST_F(UsersTest, LibvirtNamesTheMachineWhileItsProcessRuns) {
  fake.l40(2);
  fake.file("sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type", "1150\n");
  const auto xml =
      "<domstatus state='running' reason='booted' pid='321'>\n <domain type='kvm'>\n  <name>cad-7</name>\n"
      "<devices><hostdev mode='subsystem' type='pci' managed='no'><source>"
      "<address domain='0x0000' bus='0x41' slot='0x00' "
      "function='0x4'/></source></hostdev></devices></domain></domstatus>";
  fake.file("run/libvirt/qemu/cad-7.xml", xml);
  EXPECT_THAT(users_of("0000:41:00.4"), IsEmpty()) << "its process has ended";
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
