// What uses a device: processes that have its files open, mounted file systems, network interfaces that are up, vGPUs
// and virtual functions.
#pragma once

#include <string>
#include <vector>

#include "system/pci.hpp"

namespace vgpukit::system {

struct DeviceHolder {
  int pid = 0;       // 0: not a process
  std::string what;  // "Xorg, has /dev/dri/card0 open", "/dev/nvme0n1p2 is mounted at /"
  [[nodiscard]] std::string text() const { return pid == 0 ? what : "process " + std::to_string(pid) + ", " + what; }
};

// The files in /dev that belong to the device: those of its children in sysfs, of NVIDIA's driver and of vfio.
std::vector<std::string> device_nodes(const Sysfs& sysfs, const PciDevice& device);

// One entry for each process. Only root sees the processes of other users.
std::vector<DeviceHolder> device_holders(const Sysfs& sysfs, const std::vector<const PciDevice*>& devices);

}  // namespace vgpukit::system
