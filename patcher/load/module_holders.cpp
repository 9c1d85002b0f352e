#include "load/module_holders.hpp"

#include <algorithm>
#include <set>

#include "support/processes.hpp"
#include "support/text.hpp"
#include "system/device_holders.hpp"
#include "vgpu/vgpu_users.hpp"

namespace vgpukit::load {

namespace {

// /dev/dri/card0, /dev/dri/renderD128, /dev/i2c-7...: what the kernel's own subsystems offer of the driver's cards.
std::set<std::string> card_files(const Sysfs& sysfs) {
  std::set<std::string> files;
  for (const auto& device : system::read_pci_devices(sysfs).devices) {
    if (device.driver != "nvidia") continue;
    for (const auto& node : system::device_nodes(sysfs, device))
      if (!node.starts_with("/dev/vfio/")) files.insert(node);  // a vGPU: vgpu_users() knows its machine
  }
  return files;
}

// The first of the driver's files that a process has open or mapped. A mapping may remain without a descriptor.
std::string driver_file_of(const Sysfs& sysfs, const std::string& process, const std::set<std::string>& cards) {
  for (const auto& descriptor : sysfs.list(process + "/fd"))
    if (auto target = sysfs.link(process + "/fd/" + descriptor);
        target.starts_with("/dev/nvidia") || cards.contains(target))  // nvidia0, nvidiactl, nvidia-uvm, nvidia-caps/...
      return target;
  const auto maps = sysfs.read(process + "/maps").text;
  const auto at = maps.find(" /dev/nvidia");
  return at == std::string::npos ? "" : maps.substr(at + 1, maps.find('\n', at) - at - 1);
}

}  // namespace

std::string ProcessHolder::text() const {
  const auto name = program + " (pid " + std::to_string(pid) + (unit.empty() ? "" : ", " + unit) + ")";
  return (vm.empty() ? name : "the virtual machine " + vm + ", " + name) + " has " + what;
}

std::vector<std::string> Holders::units() const {
  std::vector<std::string> units;
  for (const auto& process : processes)
    if (!process.unit.empty() && !process.has_vgpu &&
        std::find(units.begin(), units.end(), process.unit) == units.end())
      units.push_back(process.unit);
  return units;
}

std::string service_of(std::string_view cgroups) {
  // "0::/system.slice/nvidia-persistenced.service"; with cgroup v1 the line "1:name=systemd:/system.slice/..." of many.
  for (const auto& line : lines_of(cgroups)) {
    const auto path = line.substr(std::min(line.find('/'), line.size()));
    if (!path.starts_with("/system.slice/")) continue;
    for (const auto part : words_of(path, "/")) {
      if (part.ends_with(".service")) return std::string(part);
      if (part.ends_with(".scope")) break;
    }
  }
  return "";
}

Holders find_holders(const Sysfs& sysfs, const std::vector<std::string>& modules) {
  Holders holders;
  for (const auto& module : modules)
    for (const auto& name : sysfs.list("/sys/module/" + module + "/holders"))
      if (std::find(modules.begin(), modules.end(), name) == modules.end()) holders.modules.push_back({name, module});

  for (const auto& device : vgpu::read_vgpus(sysfs).devices) {
    const auto driver = sysfs.link_name("/sys/bus/pci/devices/" + device.parent + "/driver");
    if (driver.empty() || driver.starts_with("nvidia")) holders.vgpus.push_back(device);  // Intel's have mdevs, too
  }
  for (const auto& [name, users] : vgpu::vgpu_users(sysfs, holders.vgpus))
    for (const auto& user : users) {
      const auto program =
          user.program.empty() ? sysfs.read("/proc/" + std::to_string(user.pid) + "/comm").text : user.program;
      holders.processes.push_back({user.pid, program, "", user.vm, true, name});
    }
  const auto cards = card_files(sysfs);
  each_process(sysfs, [&](int pid, const std::string& process) {
    const auto file = driver_file_of(sysfs, process, cards);
    if (file.empty()) return;
    const auto same = [&](const ProcessHolder& each) { return each.pid == pid; };
    if (std::any_of(holders.processes.begin(), holders.processes.end(), same)) return;
    holders.processes.push_back({pid, sysfs.read(process + "/comm").text, "", "", false, file});
  });
  for (auto& process : holders.processes)
    process.unit = service_of(sysfs.read("/proc/" + std::to_string(process.pid) + "/cgroup").text);
  return holders;
}

}  // namespace vgpukit::load
