// Who keeps a device busy: processes that have its files open, mounted file systems, network interfaces that are up,
// vGPUs and virtual functions that were made on it.
#pragma once

#include <string>
#include <vector>

#include "system/pci.hpp"

namespace vgpukit::system {

struct DeviceHolder {
  int pid = 0;       // 0: no process
  std::string what;  // "Xorg has /dev/dri/card0 open", "/dev/nvme0n1p2 is mounted at /"
  [[nodiscard]] std::string text() const { return pid == 0 ? what : "process " + std::to_string(pid) + ", " + what; }
};

// The files in /dev that belong to the device: those of its children in sysfs, of NVIDIA's driver, of vfio.
std::vector<std::string> device_nodes(const Sysfs& sysfs, const PciDevice& device);

// One entry for each process. Processes of others can be seen by root only.
std::vector<DeviceHolder> device_holders(const Sysfs& sysfs, const std::vector<const PciDevice*>& devices);

}  // namespace vgpukit::system
