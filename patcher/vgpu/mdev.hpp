// The mdev interface: Documentation/driver-api/vfio-mediated-device.rst, drivers/vfio/mdev/mdev_sysfs.c.
#pragma once

#include <functional>
#include <string>

#include "vgpu/vgpu.hpp"

namespace vgpukit::vgpu {

using CardOf = std::function<VgpuCard&(const std::string& address)>;

// Adds the mdev parents, their types and the devices. The description of a type is read once for each card, because it
// is the same on all of its virtual functions.
void add_mdev_devices(const Sysfs& sysfs, VgpuView& view, const CardOf& card_of);

// Makes a device, and checks that it exists. Error: failed, with what the errno means.
Status create_mdev(Sysfs& sysfs, const VgpuParent& parent, const std::string& type, const std::string& uuid);
Status remove_mdev(Sysfs& sysfs, const std::string& uuid);

// Fills in the numbers of NVIDIA's description. Other drivers' descriptions have none.
void read_description(VgpuType& type);

}  // namespace vgpukit::vgpu
