// The processes and virtual machines that use vGPUs.
#pragma once

#include <map>
#include <string>
#include <string_view>
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

// The host devices in libvirt's XML of a domain, by UUID or address.
struct LibvirtDevice {
  std::string name;
  bool managed = false;  // libvirt takes it from its driver when the machine starts
};
std::vector<LibvirtDevice> libvirt_devices(std::string_view xml);
// The process of libvirt's XML of a running machine, <domstatus state='running' pid='123'>; 0 if it has none.
int libvirt_pid(std::string_view xml);
// The device of a QEMU argument: "vfio-pci,sysfsdev=/sys/bus/mdev/devices/UUID,..." or
// '{"driver":"vfio-pci","host":"0000:41:00.4"}'; empty if it names none.
std::string qemu_device_name(std::string_view word);

}  // namespace vgpukit::vgpu
