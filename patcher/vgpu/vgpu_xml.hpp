// The configuration that gives a vGPU to a virtual machine.
#pragma once

#include <string>

#include "vgpu/plugin_params.hpp"
#include "vgpu/vgpu.hpp"

namespace vgpukit::vgpu {

// libvirt's <hostdev>, for a domain's <devices>. A virtual function has managed='no': it stays bound to NVIDIA's
// driver.
// `display`: the machine's own console shows the vGPU's screen (display='on' and ramfb='on'), for a mediated device.
std::string hostdev_xml(const Vgpu& device, bool display = false);
// libvirt's <device> for `virsh nodedev-define`, which defines a mediated device for later boots (through mdevctl),
// with the attributes of its definition. Error: usage for a virtual function, and for a parent that is no PCI function.
Result<std::string> nodedev_xml(const Vgpu& device, const Attributes& attributes = {});
// The value of QEMU's -device.
std::string qemu_device(const Vgpu& device, bool display = false);
// The words after `qm set VMID` on Proxmox.
std::string proxmox_option(const Vgpu& device, bool display = false);

}  // namespace vgpukit::vgpu
