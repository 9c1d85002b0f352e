#include "vgpu/vm_check.hpp"

#include "vgpu/definitions_fixture.hpp"

namespace vgpukit::vgpu {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class VmCheckTest : public DefinitionsTest {
 protected:
  // "ok TEXT", "fail TEXT"
  std::vector<std::string> check(const std::string& machine, const std::string& vgpu = "") {
    const auto checked = check_machine(fake.host, driver, machine, vgpu);
    EXPECT_TRUE(checked) << checked.error().message();
    std::vector<std::string> all;
    if (!checked) return all;
    bool fails = false;
    for (const auto& each : checked->findings) {
      fails = fails || each.state == VmFinding::State::fail;
      const auto* state = each.state == VmFinding::State::ok     ? "ok "
                          : each.state == VmFinding::State::warn ? "warn "
                                                                 : "fail ";
      all.push_back(state + each.what + (each.next.empty() ? "" : " -> " + each.next));
    }
    EXPECT_EQ(checked->fits(), !fails);
    return all;
  }
  static std::string hostdev(const std::string& uuid) {
    return "<hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci'><source><address uuid='" + uuid +
           "'/></source></hostdev>";
  }
  void domain(const std::string& name, const std::string& devices) const {
    fake.file("etc/libvirt/qemu/" + name + ".xml",
              "<domain type='kvm'><name>" + name + "</name><devices>" + devices + "</devices></domain>");
  }
  void defined(const std::string& uuid, const std::string& type) const {
    fake.file("etc/mdevctl.d/0000:65:00.0/" + uuid, R"({"mdev_type":")" + type + R"(","start":"auto"})");
  }
};

TEST_F(VmCheckTest, ADomainThatFits) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a);
  defined(test::uuid_a, "nvidia-63");
  domain("web", hostdev(test::uuid_a));
  EXPECT_THAT(check("web", test::uuid_a), ElementsAre(HasSubstr("ok its QEMU has a -uuid"),
                                                      HasSubstr("ok " + test::uuid_a + " exists as it is defined")));
  EXPECT_THAT(check("web", test::uuid_b), Contains(HasSubstr("fail it does not have the vGPU " + test::uuid_b)));
}

TEST_F(VmCheckTest, WhatDoesNotFit) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a);
  defined(test::uuid_a, "nvidia-64");
  domain("web", hostdev(test::uuid_a) + hostdev(test::uuid_a) + hostdev(test::uuid_b));
  domain("db", hostdev(test::uuid_a));
  const auto all = check("web");
  EXPECT_THAT(all, Contains(HasSubstr("fail " + test::uuid_a + " exists as nvidia-63 and is defined as nvidia-64")));
  EXPECT_THAT(all, Contains(HasSubstr("fail " + test::uuid_a + " is in the machine twice")));
  EXPECT_THAT(all, Contains(HasSubstr("fail " + test::uuid_b + " neither exists nor is defined")));
  EXPECT_THAT(all, Contains(HasSubstr("warn " + test::uuid_a + " is also in the definition of db")));
  defined(test::uuid_b, "nvidia-63");
  EXPECT_THAT(check("web"),
              Contains(HasSubstr("is defined and does not exist now -> vgpukit vgpu start " + test::uuid_b)));
  domain("empty", "");
  EXPECT_THAT(check("empty"), ElementsAre(HasSubstr("fail it has no vGPU of this host")));
  EXPECT_EQ(check_machine(fake.host, driver, "nobody", "").error().kind, ErrorKind::usage);
}

TEST_F(VmCheckTest, AFunctionThatLibvirtWouldTakeFromItsDriver) {
  fake.l40(2);
  fake.file("sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type", "1149\n");
  const std::string source =
      "<source><address domain='0x0000' bus='0x41' slot='0x00' function='0x4'/></source></hostdev>";
  domain("web", "<hostdev mode='subsystem' type='pci' managed='yes'>" + source);
  EXPECT_THAT(check("web"), Contains(HasSubstr("from NVIDIA's driver: managed='yes'")));
  EXPECT_THAT(check("web"), Contains(HasSubstr("warn 0000:41:00.4 exists as nvidia-1149 and is not defined")));
  fake.file("sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type", "0\n");
  EXPECT_THAT(check("web"), Contains(HasSubstr("vgpukit vgpu define TYPE --card 0000:41:00.4")));
}

TEST_F(VmCheckTest, AProxmoxMachineNeedsAUuidOnItsCommandLine) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a);
  defined(test::uuid_a, "nvidia-63");
  const std::string args = "args: -device 'vfio-pci,sysfsdev=/sys/bus/mdev/devices/" + test::uuid_a + "'";
  fake.file("etc/pve/qemu-server/100.conf", "cores: 2\n" + args + "\nname: win\n[snapshot]\nargs: -uuid x\n");
  EXPECT_THAT(check("100"), Contains(AllOf(HasSubstr("fail its QEMU has no -uuid"), HasSubstr("Failed to get VM UUID"),
                                           HasSubstr("qm set 100 -args"))));
  fake.file("etc/pve/qemu-server/100.conf", args + " -uuid 00000000-0000-0000-0000-000000000100\n");
  EXPECT_THAT(check("100"), Contains(HasSubstr("ok its QEMU has a -uuid")));
}

TEST_F(VmCheckTest, ARunningMachineIsJudgedByItsCommandLine) {
  fake.p4();
  fake.device("0000:65:00.0", "nvidia-63", test::uuid_a, 7);
  defined(test::uuid_a, "nvidia-63");
  fake.file("run/libvirt/qemu/web.xml", "<domstatus state='running' pid='123'><domain><name>web</name>" +
                                            hostdev(test::uuid_a) + "</domain></domstatus>");
  fake.file("proc/123/comm", "qemu");
  fake.file("proc/123/cmdline", std::string("qemu\0-name\0guest=web\0", 21));
  fake.link("proc/123/fd/5", "/dev/vfio/7");
  EXPECT_THAT(check("web"), Contains(HasSubstr("fail its QEMU has no -uuid")));
  fake.file("proc/123/cmdline", std::string("qemu\0-uuid\0x\0", 13));
  EXPECT_THAT(check("web"), ElementsAre(HasSubstr("ok "), HasSubstr("ok "))) << "it is its own user";
  fake.file("proc/124/comm", "qemu");
  fake.file("proc/124/cmdline", "qemu");
  fake.link("proc/124/fd/5", "/dev/vfio/7");
  EXPECT_THAT(check("web"), Contains(HasSubstr("is in use: qemu, process 124")));
}

}  // namespace
}  // namespace vgpukit::vgpu
