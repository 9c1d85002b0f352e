// vGPU devices: what exists, what is defined, and how it is changed. vgpu/ may use system/ and support/. This header:
// one view over both of the kernel's interfaces. sysfs shows which one a card has:
//   mdev         /sys/class/mdev_bus/PARENT/mdev_supported_types: writing a UUID makes a device with that name
//   vendor VFIO  /sys/bus/pci/devices/VF/nvidia: setting a type makes a virtual function a vGPU; its address is the
//   name
// On SR-IOV cards the parents of both interfaces are virtual functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/result.hpp"
#include "support/sysfs.hpp"

namespace vgpukit::vgpu {

enum class VgpuInterface { none, mdev, vendor_vfio };
[[nodiscard]] std::string_view interface_name(VgpuInterface interface);  // "mdev", "vendor-vfio", "none"

// The numbers come from the driver's description ("num_heads=4, ... framebuffer=1024M, ..."), which vendor VFIO does
// not have.
struct VgpuType {
  std::string id;  // mdev: the folder's name, "nvidia-63". vendor VFIO has numbers: 63 is "nvidia-63" here
  std::string name;
  std::string description;
  std::string device_api;
  std::string resolution;
  std::optional<unsigned> framebuffer_mb, heads, max_instances;
};

// A card that vGPUs can be made on, or one of its virtual functions.
struct VgpuParent {
  std::string name;
  std::string card;  // the physical function; the name itself if the parent is no virtual function
  VgpuInterface interface = VgpuInterface::none;
  // A type's id, and how many more vGPUs of it the driver says can be made.
  std::vector<std::pair<std::string, unsigned>> available_instances;
};

struct VgpuCard {
  std::string address;
  VgpuInterface interface = VgpuInterface::none;  // of its parents; none while it offers no types
  std::string model, uuid, serial;                // from /proc/driver/nvidia/gpus/ADDRESS/information; may be empty
  unsigned functions = 0, most_functions = 0;     // sriov_numvfs and sriov_totalvfs
  std::map<std::string, VgpuType> types;
};

struct Vgpu {
  std::string name;  // its UUID, or the address of the virtual function
  VgpuInterface interface = VgpuInterface::mdev;
  std::string parent, card;
  std::string type, type_name;
  std::string iommu_group;
  std::vector<std::string> nodes;  // /dev/vfio/GROUP, /dev/vfio/devices/vfioN
};

struct VgpuView {
  std::vector<VgpuCard> cards;      // sorted by address
  std::vector<VgpuParent> parents;  // sorted by name
  std::vector<Vgpu> devices;        // sorted by name

  [[nodiscard]] const VgpuCard* card(std::string_view address) const;
  [[nodiscard]] const VgpuParent* parent(std::string_view name) const;
  [[nodiscard]] const Vgpu* device(std::string_view name) const;
};

// Reads all of it. There are no errors: what cannot be read counts as absent.
VgpuView read_vgpus(const Sysfs& sysfs);

// The address of the virtual function with that index, from the card's sriov_offset and sriov_stride (PCIe 9.3.3.9).
// The function need not exist yet. Nothing if the card has no sriov_offset.
std::optional<std::string> function_address(const Sysfs& sysfs, const std::string& card, unsigned index);

// The card or parent that a user means: a PCI address, a serial number, a GPU's UUID, or a parent's name. If it names a
// card, `parent` is empty. Error: usage, with the cards that exist.
struct VgpuPlace {
  std::string card, parent;
};
Result<VgpuPlace> find_place(const VgpuView& view, std::string_view word);

// The type of a card that a user means: an id, a name, or the last words of a name ("P4-1Q"). Error: usage, with the
// most similar name, or with the types that have it.
Result<const VgpuType*> find_type(const VgpuCard& card, std::string_view word);
[[nodiscard]] bool names_type(const VgpuType& type, std::string_view word);

// The folder of a vGPU in sysfs, with a slash at its end. `name`: its UUID, or its function's address.
std::string device_folder(VgpuInterface interface, const std::string& name);

// Fills in the device's IOMMU group and the nodes of /dev/vfio that a virtual machine opens. `folder`: the device's, in
// sysfs.
void add_nodes(const Sysfs& sysfs, const std::string& folder, Vgpu& device);

}  // namespace vgpukit::vgpu
