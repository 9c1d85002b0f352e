// The vGPUs of a machine, one view over both of the kernel's interfaces. Which one a card has is seen in sysfs, never
// guessed from a version:
//   mdev         /sys/class/mdev_bus/PARENT/mdev_supported_types: a device is made by writing a UUID, and has that name
//   vendor VFIO  /sys/bus/pci/devices/VF/nvidia: a virtual function becomes a vGPU when a type is set, and its address
//   is its name
// On SR-IOV cards the parents of both kinds are virtual functions.
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

// What is known of a type comes from the driver's description ("num_heads=4, ... framebuffer=1024M, ..."); vendor VFIO
// has none.
struct VgpuType {
  std::string id;  // mdev: the folder's name, "nvidia-63"; vendor VFIO has numbers: 63 is "nvidia-63" here, too
  std::string name;
  std::string description;
  std::string device_api;
  std::string resolution;
  std::optional<unsigned> framebuffer_mb, heads, max_instances;
};

// Where a vGPU can be made: a card, or one of its virtual functions.
struct VgpuParent {
  std::string name;
  std::string card;  // the physical function; the name itself where this is none
  VgpuInterface interface = VgpuInterface::none;
  std::vector<std::pair<std::string, unsigned>>
      available_instances;  // a type's id, and how many more of it the driver says can be made
};

struct VgpuCard {
  std::string address;
  VgpuInterface interface = VgpuInterface::none;  // of its parents; none while it offers no types
  std::string model, uuid, serial;                // from /proc/driver/nvidia/gpus/ADDRESS/information; may be empty
  unsigned functions = 0, most_functions = 0;     // sriov_numvfs and sriov_totalvfs
  std::map<std::string, VgpuType> types;
};

struct VgpuUser {
  int pid = 0;
  std::string program;
  std::string vm;  // the virtual machine's name, where QEMU's command line or libvirt tells it
  [[nodiscard]] std::string text() const;
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

// Looks at all of it. Nothing is an error: what cannot be read is not there.
VgpuView read_vgpus(const Sysfs& sysfs);

// The address of the virtual function with that index, from the card's sriov_offset and sriov_stride (PCIe 9.3.3.9). It
// needs not exist yet. Nothing where the card does not tell.
std::optional<std::string> function_address(const Sysfs& sysfs, const std::string& card, unsigned index);

// The card or parent that a user means: a PCI address, a serial number, a GPU's UUID, or a parent's name. Where it
// names a card, `parent` is empty. Error: usage, with what there is.
struct VgpuPlace {
  std::string card, parent;
};
Result<VgpuPlace> find_place(const VgpuView& view, std::string_view word);

// The type of a card that a user means: an id, a name, or a name without the word in front ("P4-1Q"). Error: usage,
// with the nearest.
Result<const VgpuType*> find_type(const VgpuCard& card, std::string_view word);
[[nodiscard]] bool names_type(const VgpuType& type, std::string_view word);

// Who has each of these devices open, or has it on a QEMU command line or in libvirt's list of running machines. An
// ordinary user sees their own processes only.
std::map<std::string, std::vector<VgpuUser>> vgpu_users(const Sysfs& sysfs, const std::vector<Vgpu>& devices);

}  // namespace vgpukit::vgpu
