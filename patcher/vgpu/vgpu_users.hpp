// The processes and virtual machines that use vGPUs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "vgpu/vgpu.hpp"

namespace vgpukit::vgpu {

struct VgpuUser {
  int pid = 0;
  std::string program;
  std::string vm;  // the virtual machine's name, from QEMU's command line or libvirt; may be empty
  [[nodiscard]] std::string text() const;
};

// For each device: the processes that have it open, name it on a QEMU command line, or are in libvirt's list of running
// machines. An ordinary user sees open files of their own processes only.
std::map<std::string, std::vector<VgpuUser>> vgpu_users(const Sysfs& sysfs, const std::vector<Vgpu>& devices);

}  // namespace vgpukit::vgpu
