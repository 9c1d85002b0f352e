// Whether the vGPUs of a virtual machine still fit this host: `vgpukit vgpu xml --vm-check`. libvirt's domains
// (/etc/libvirt/qemu, /run/libvirt/qemu), Proxmox' machines (/etc/pve/qemu-server, /run/qemu-server), or a file of one.
#pragma once

#include <string>
#include <vector>

#include "vgpu/definitions.hpp"
#include "vgpu/vgpu.hpp"

namespace vgpukit::vgpu {

struct VmFinding {
  enum class State { ok, warn, fail };
  State state = State::ok;
  std::string what, next;  // `next` is empty if nothing is to be done
};
struct VmCheck {
  std::string machine;  // its name or number
  std::string source;   // the file that was read
  bool running = false;
  std::vector<VmFinding> findings;
  [[nodiscard]] bool fits() const;  // none of them is `fail`
};

// `machine`: a domain's name, the number of a Proxmox machine, or a path. `vgpu`: one that the machine must have; may
// be empty. Changes nothing. Error: usage, if there is no such machine.
Result<VmCheck> check_machine(const HostPaths& host, const Sysfs& sysfs, const std::string& machine,
                              const std::string& vgpu);

}  // namespace vgpukit::vgpu
