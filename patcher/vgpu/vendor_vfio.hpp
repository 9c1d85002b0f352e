// The vendor VFIO interface of NVIDIA's newer drivers: a virtual function, bound to the driver, has a folder nvidia/
// with creatable_vgpu_types (a table "ID : name", which shrinks as the card fills) and current_vgpu_type (a number, 0
// for none).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "vgpu/mdev.hpp"

namespace vgpukit::vgpu {

void add_vendor_vfio_devices(const Sysfs& sysfs, VgpuView& view, const CardOf& card_of);

// The tables name only types that can still be made, so a full card has no names for its vGPUs' types. This writes the
// names of the view to /run/vgpukit/vgpu-types.json for add_vendor_vfio_devices(). A failure is not reported.
void remember_type_names(const HostPaths& host, const VgpuView& view);

// The rows of a creatable_vgpu_types table. Lines that do not begin with a number are skipped, so a header is optional.
std::vector<std::pair<unsigned, std::string>> creatable_types(const std::string& table);

// Makes a virtual function a vGPU (a type's id) or an ordinary function again (an empty one), and reads it back. Error:
// failed, with what the errno means.
Status set_function_type(Sysfs& sysfs, const std::string& function, const std::string& type);

}  // namespace vgpukit::vgpu
