#include "passthrough/rebind.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "passthrough/boot_host.hpp"
#include "support/text.hpp"

namespace vgpukit::passthrough {
namespace {

using test::BootHost;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

// Does what the kernel does when these files are written (drivers/base/bus.c, drivers/pci/pci-driver.c).
class FakeBus : public Sysfs {
 public:
  explicit FakeBus(const BootHost& fake) : Sysfs(fake.host), fake_(fake) {}

  std::map<std::string, std::string> native;  // address -> the driver that supports it
  std::set<std::string> refuses;              // "vfio-pci 0000:01:00.1"
  std::set<std::string> ids;                  // addresses that vfio-pci has the ids of
  std::vector<std::string> writes;

  int write(const std::string& path, std::string_view text) override {
    writes.push_back(path + " " + std::string(text));
    if (path.ends_with("/driver_override")) {
      fake_.tree.file(path.substr(1), text == "\n" ? "(null)\n" : std::string(text) + "\n");
      return 0;
    }
    if (path.ends_with("/driver/unbind"))
      return fs::remove(fake_.host.reach(fs::path(path).parent_path())) ? 0 : ENODEV;
    if (path == "/sys/bus/pci/drivers_probe") return probe(std::string(text));
    if (path.starts_with("/sys/bus/pci/drivers/") && path.ends_with("/bind")) return bind(path, std::string(text));
    if (path.ends_with("/bind") || path.ends_with("/unbind")) return 0;
    return Sysfs::write(path, text);
  }
  std::string driver(const std::string& address) const {
    return link_name("/sys/bus/pci/devices/" + address + "/driver");
  }

 private:
  int probe(const std::string& address) {
    if (!driver(address).empty()) return 0;
    auto wanted = read("/sys/bus/pci/devices/" + address + "/driver_override").text;
    if (wanted == "(null)") wanted = ids.contains(address) ? "vfio-pci" : native[address];
    if (wanted.empty() || refuses.contains(wanted + " " + address) || !exists("/sys/bus/pci/drivers/" + wanted))
      return 0;
    take(address, wanted);
    return 0;
  }
  int bind(const std::string& path, const std::string& address) {
    if (path != "/sys/bus/pci/drivers/" + native[address] + "/bind") return ENODEV;
    take(address, native[address]);
    return 0;
  }
  void take(const std::string& address, const std::string& driver) {
    const auto folder = fs::canonical(fake_.host.in_root("/sys/bus/pci/devices/" + address));
    fs::create_directory_symlink(fake_.host.in_root("/sys/bus/pci/drivers/" + driver), folder / "driver");
  }
  const BootHost& fake_;
};

struct Host : BootHost {
  Host() : test::BootHost("003-rtx2080ti-debian"), bus(*this) {
    tree.dir("sys/bus/pci/drivers/vfio-pci");
    for (const auto* function : {"0", "1", "2"}) {
      const auto address = std::string("0000:01:00.") + function;
      bus.native[address] = bus.driver(address);
    }
  }
  RebindTools tools() {
    return {host, bus,
            [this](const std::vector<std::string>& argv) -> Status {
              const auto line = join(argv, " ");
              ran.push_back(line);
              for (const auto& each : fails)
                if (line.find(each) != std::string::npos) return Error{ErrorKind::failed, "run " + line, "no", ""};
              return line == needs_the_card ? load() : Status();
            },
            [] { return false; }};
  }
  // As nvidia.ko: it does not load without a card that it can have, and then it takes the card.
  Status load() {
    if (!bus.driver("0000:01:00.0").empty()) return Error{ErrorKind::failed, "load it", "No such device", ""};
    tree.dir("sys/bus/pci/drivers/nouveau");
    bus.write("/sys/bus/pci/drivers_probe", "0000:01:00.0");
    return {};
  }
  Result<Rebound> bind(bool single_gpu = false) { return bind_to_vfio(tools(), {"01:00.0", false, single_gpu, {}}); }
  Result<Rebound> unbind() { return unbind_from_vfio(tools(), {"01:00.0", false, false, {}}); }
  std::vector<std::string> drivers() const {
    return {bus.driver("0000:01:00.0"), bus.driver("0000:01:00.1"), bus.driver("0000:01:00.2"),
            bus.driver("0000:01:00.3")};
  }

  FakeBus bus;
  std::vector<std::string> ran;
  std::set<std::string> fails;
  std::string needs_the_card;
};
const std::vector<std::string> own = {"nouveau", "snd_hda_intel", "xhci_hcd", ""};
const std::vector<std::string> vfio(4, "vfio-pci");

TEST(Rebind, AllFunctionsGoAndComeBack) {
  Host host;
  const auto before = host.all();
  const auto done = host.bind();
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(host.drivers(), vfio);
  for (const auto& each : host.bus.writes) EXPECT_THAT(each, testing::Not(HasSubstr("new_id")));
  EXPECT_TRUE(host.bind()) << "a second time there is nothing to do";
  ASSERT_TRUE(host.unbind());
  EXPECT_EQ(host.drivers(), own);
  EXPECT_EQ(host.bus.read("/sys/bus/pci/devices/0000:01:00.0/driver_override").text, "(null)");
  EXPECT_FALSE(host.has("/run/vgpukit"));
}

TEST(Rebind, WhenOneFunctionIsRefusedTheOldDriversAreBack) {
  Host host;
  host.bus.refuses.insert("vfio-pci 0000:01:00.2");
  const auto done = host.bind();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::failed);
  EXPECT_THAT(done.error().message(), HasSubstr("0000:01:00.2"));
  EXPECT_THAT(done.error().next, HasSubstr("has its old driver again"));
  EXPECT_EQ(host.drivers(), own);
}

TEST(Rebind, WhatWasTakenAtBootByItsIdsComesBack) {
  Host host;
  for (const auto* function : {"0", "1", "2", "3"}) host.bus.ids.insert(std::string("0000:01:00.") + function);
  ASSERT_TRUE(host.bind());
  fs::remove_all(host.host.in_root("/run/vgpukit"));
  const auto done = host.unbind();
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(host.drivers(), own);
}

TEST(Rebind, ADriverThatDoesNotLoadWithoutTheCardGetsIt) {
  for (const bool at_boot : {false, true}) {
    Host host;
    ASSERT_TRUE(host.bind());
    if (at_boot) fs::remove_all(host.host.in_root("/run/vgpukit"));
    fs::remove_all(host.host.in_root("/sys/bus/pci/drivers/nouveau"));
    host.needs_the_card = "modprobe nouveau";
    if (at_boot) host.needs_the_card = "modprobe " + system::read_pci_devices(host.bus).find("0000:01:00.0")->modalias;
    const auto done = host.unbind();
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(host.bus.driver("0000:01:00.0"), "nouveau");
  }
}

TEST(Rebind, ADriverThatDoesNotLoadLeavesTheWayBack) {
  Host host;
  ASSERT_TRUE(host.bind());
  fs::remove_all(host.host.in_root("/sys/bus/pci/drivers/nouveau"));
  host.fails = {"modprobe nouveau"};
  const auto done = host.unbind();
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message(), HasSubstr("run modprobe nouveau"));
  EXPECT_EQ(host.bus.read("/sys/bus/pci/devices/0000:01:00.0/driver_override").text, "(null)");
  host.fails.clear();
  host.needs_the_card = "modprobe nouveau";
  ASSERT_TRUE(host.unbind()) << "a second time";
  EXPECT_EQ(host.drivers(), own);
}

TEST(Rebind, AProcessThatUsesItIsNamedAndNothingIsChanged) {
  Host host;
  const auto card = "sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0";
  host.tree.file(std::string(card) + "/drm/card1/uevent", "MAJOR=226\nDEVNAME=dri/card1\n");
  host.tree.file("proc/812/comm", "Xorg\n");
  host.tree.link("proc/812/fd/9", "/dev/dri/card1");
  const auto done = host.bind();
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().why, HasSubstr("process 812, Xorg, has /dev/dri/card1 open"));
  EXPECT_TRUE(host.bus.writes.empty());
  EXPECT_THAT(host.bind(true).error().next, HasSubstr("--single-gpu stops only display-manager"));
}

TEST(Rebind, VgpusAndVirtualFunctionsAreNamedAndStay) {
  Host host;
  const std::string card = "sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0";
  host.tree.file(card + "/sriov_numvfs", "0\n");
  host.tree.link(card + "/11111111-2222-3333-4444-000000000001/mdev_type", "../mdev_supported_types/nvidia-63");
  const auto one = host.bind();
  ASSERT_FALSE(one);
  EXPECT_THAT(one.error().why, HasSubstr("the vGPU 11111111-2222-3333-4444-000000000001 is on it"));
  EXPECT_EQ(one.error().next, "") << "--single-gpu does not help";
  fs::remove_all(host.folder / card / "11111111-2222-3333-4444-000000000001");
  host.tree.file(card + "/sriov_numvfs", "16\n");
  const auto functions = host.bind();
  ASSERT_FALSE(functions);
  EXPECT_THAT(functions.error().why,
              HasSubstr("it has 16 virtual functions (/usr/lib/nvidia/sriov-manage -d 0000:01:00.0"));
  EXPECT_TRUE(host.bus.writes.empty());
}

TEST(Rebind, ARunningMachineIsNamed) {
  Host host;
  ASSERT_TRUE(host.bind());
  host.tree.file("proc/99/comm", "qemu-system-x86\n");
  host.tree.link("proc/99/fd/20", "/dev/vfio/1");
  const auto done = host.unbind();
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().why, HasSubstr("qemu-system-x86, has /dev/vfio/1 open"));
  EXPECT_EQ(host.drivers(), vfio);
}

TEST(Rebind, TheOnlyGpuIsTakenFromTheDesktopAndGivenBack) {
  Host host;
  fs::remove(host.host.reach("/sys/bus/pci/devices/0000:00:02.0"));
  host.tree.file("sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n");
  host.tree.file("sys/class/vtconsole/vtcon1/bind", "1\n");
  host.tree.link("sys/bus/platform/drivers/efi-framebuffer/efi-framebuffer.0",
                 "../../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0/efi-framebuffer.0");
  const auto refused = host.bind();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::consent);
  EXPECT_THAT(refused.error().next, HasSubstr("--single-gpu"));
  const auto done = host.bind(true);
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_THAT(host.ran, Contains("systemctl stop display-manager.service"));
  EXPECT_THAT(host.bus.writes, Contains("/sys/class/vtconsole/vtcon1/bind 0"));
  EXPECT_THAT(host.bus.writes, Contains("/sys/bus/platform/drivers/efi-framebuffer/unbind efi-framebuffer.0"));
  EXPECT_EQ(host.drivers(), vfio);
  host.ran.clear();
  ASSERT_TRUE(host.unbind());
  EXPECT_EQ(host.drivers(), own);
  EXPECT_THAT(host.bus.writes, Contains("/sys/bus/platform/drivers/efi-framebuffer/bind efi-framebuffer.0"));
  EXPECT_EQ(host.bus.writes.back(), "/sys/class/vtconsole/vtcon1/bind 1");
  EXPECT_EQ(host.ran.back(), "systemctl start display-manager.service");
}

TEST(Rebind, ADesktopThatDoesNotStopIsStartedAgain) {
  Host host;
  host.fails = {"stop nvidia-persistenced"};
  ASSERT_FALSE(host.bind(true));
  EXPECT_EQ(host.ran.back(), "systemctl start display-manager.service");
  EXPECT_EQ(host.drivers(), own);
}

TEST(Rebind, WithoutAGroupThereIsNoVfio) {
  Host host;
  fs::remove(host.host.reach("/sys/bus/pci/devices/0000:01:00.0/iommu_group"));
  const auto done = host.bind();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::missing);
}

TEST(Rebind, OtherDevicesOnlyWhenAsked) {
  Host host;
  host.tree.pci("0000:05:00.0", {{"id", "8086:10d3"}, {"class", "020000"}, {"driver", "e1000e"}, {"group", "5"}});
  EXPECT_FALSE(bind_to_vfio(host.tools(), {"05:00.0", false, false, {}}));
  host.tree.file("sys/devices/pci0000:05/0000:05:00.0/net/eth0/operstate", "up\n");
  const auto up = bind_to_vfio(host.tools(), {"05:00.0", true, false, {}});
  ASSERT_FALSE(up);
  EXPECT_THAT(up.error().why, HasSubstr("eth0 is up"));
  host.tree.file("sys/devices/pci0000:05/0000:05:00.0/net/eth0/operstate", "down\n");
  EXPECT_TRUE(bind_to_vfio(host.tools(), {"05:00.0", true, false, {}}));
  EXPECT_EQ(host.bus.driver("0000:05:00.0"), "vfio-pci");
}

}  // namespace
}  // namespace vgpukit::passthrough
