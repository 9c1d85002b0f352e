// What the driver means when it refuses a write to sysfs.
#pragma once

#include <string>

#include "support/result.hpp"
#include "vgpu/vgpu.hpp"

namespace vgpukit::vgpu {

enum class SysfsWrite { create, set_type, remove, make_functions };

// `error`: an errno of Sysfs::write.
Error explain_write_error(int error, std::string tried, SysfsWrite request);

// The device's IOMMU group and the nodes of /dev/vfio that a virtual machine opens. `folder`: the device's, in sysfs.
void add_nodes(const Sysfs& sysfs, const std::string& folder, Vgpu& device);

}  // namespace vgpukit::vgpu
