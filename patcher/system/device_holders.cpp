#include "system/device_holders.hpp"

#include <set>

#include "support/processes.hpp"
#include "support/text.hpp"

namespace vgpukit::system {

namespace {

// The value of the first "KEY=..." in a uevent file, or of "Key: ..." in a file of NVIDIA's driver.
std::string value_in(const std::string& text, std::string_view key) {
  for (const auto& line : lines_of(text))
    if (line.starts_with(key)) return std::string(trimmed(std::string_view(line).substr(key.size())));
  return "";
}

// Class devices have a uevent file with DEVNAME, some levels below the PCI device. A disk's partition is at
// nvme/nvme0/nvme0n1/nvme0n1p1.
void collect_nodes(const Sysfs& sysfs, const std::string& folder, unsigned depth, std::set<std::string>& nodes) {
  for (const auto& name : sysfs.list(folder)) {
    if (pci_address(name) == name || name == "power") continue;
    const auto child = folder + "/" + name;
    if (!sysfs.link(child).empty() || !sysfs.exists(child + "/.")) continue;
    if (const auto node = value_in(sysfs.read(child + "/uevent").text, "DEVNAME="); !node.empty())
      nodes.insert("/dev/" + node);
    if (depth > 0) collect_nodes(sysfs, child, depth - 1, nodes);
  }
}

void add_processes(const Sysfs& sysfs, const std::set<std::string>& nodes, std::vector<DeviceHolder>& holders) {
  each_process(sysfs, [&](int pid, const std::string& process) {
    for (const auto& descriptor : sysfs.list(process + "/fd")) {
      const auto node = sysfs.link(process + "/fd/" + descriptor);
      if (!nodes.contains(node)) continue;
      holders.push_back({pid, sysfs.read(process + "/comm").text + ", has " + node + " open"});
      break;
    }
  });
}

}  // namespace

std::vector<std::string> device_nodes(const Sysfs& sysfs, const PciDevice& device) {
  std::set<std::string> nodes;
  collect_nodes(sysfs, device.folder(), 7, nodes);
  const auto minor =
      value_in(sysfs.read("/proc/driver/nvidia/gpus/" + device.address + "/information").text, "Device Minor:");
  if (!minor.empty()) nodes.insert("/dev/nvidia" + minor);
  if (device.driver == "vfio-pci" && device.group) nodes.insert("/dev/vfio/" + std::to_string(*device.group));
  for (const auto& name : sysfs.list(device.folder() + "/vfio-dev")) nodes.insert("/dev/vfio/devices/" + name);
  return {nodes.begin(), nodes.end()};
}

std::vector<DeviceHolder> device_holders(const Sysfs& sysfs, const std::vector<const PciDevice*>& devices) {
  std::vector<DeviceHolder> holders;
  std::set<std::string> nodes;
  for (const auto* device : devices) {
    const auto own = device_nodes(sysfs, *device);
    nodes.insert(own.begin(), own.end());
    // If the driver is unbound, vGPUs and virtual functions disappear, or the driver waits for them for ever.
    for (const auto& child : sysfs.list(device->folder()))
      if (!sysfs.link(device->folder() + "/" + child + "/mdev_type").empty())
        holders.push_back({0, "the vGPU " + child + " is on it (vgpukit vgpu remove " + child + ")"});
    if (const auto count = sysfs.read(device->folder() + "/sriov_numvfs").text; !count.empty() && count != "0")
      holders.push_back({0, "it has " + count + " virtual functions (/usr/lib/nvidia/sriov-manage -d " +
                                device->address + " removes them)"});
    for (const auto& interface : sysfs.list(device->folder() + "/net"))
      if (sysfs.read(device->folder() + "/net/" + interface + "/operstate").text == "up")
        holders.push_back({0, "the network interface " + interface + " is up"});
  }
  add_processes(sysfs, nodes, holders);
  each_line(sysfs.read("/proc/mounts").text, [&](std::string_view line) {
    const auto words = split_words(line);
    if (words.size() > 1 && nodes.contains(words[0])) holders.push_back({0, words[0] + " is mounted at " + words[1]});
  });
  return holders;
}

}  // namespace vgpukit::system
