// `vgpukit vgpu list` and `types`: existing and defined vGPUs in one list, and how much of each type is used.
#pragma once

#include <string>
#include <vector>

#include "vgpu/definitions.hpp"
#include "vgpu/vgpu.hpp"
#include "vgpu/vgpu_users.hpp"

namespace vgpukit::vgpu {

// What sysfs says of an existing vGPU. Each is empty if the driver has no such file, or gives no value.
struct VgpuSettings {
  PluginParams params;
  std::string placement;     // nvidia/placement_id
  std::string gpu_instance;  // nvidia/gpu_instance_id
};
VgpuSettings read_settings(const Sysfs& sysfs, const Vgpu& device);

struct VgpuRow {
  Vgpu device;  // of a vGPU that is only defined: its name, parent, card and type, as far as they are known
  bool active = false;
  bool defined = false;
  bool automatic = false;  // it is made at boot
  Attributes attributes;   // of the definition
  VgpuSettings settings;   // that it has now, or would get
  std::vector<VgpuUser> users;
};

// The vGPU of a definition, with the parent, card and type of the view if it has them. A definition by a count of
// virtual functions has no name.
Vgpu defined_device(const VgpuView& view, const VgpuDefinition& definition);

// Sorted by parent and name, as mdevctl does. Definitions of a count of virtual functions that do not exist yet have no
// name.
std::vector<VgpuRow> list_vgpus(const Sysfs& sysfs, const VgpuView& view,
                                const std::vector<VgpuDefinition>& definitions);

// The size of a type's framebuffer in GB, in the digits of its name or description; empty if neither has it.
std::string size_of(const VgpuType& type);
// Whether vGPUs of the type are on GPU instances (MIG): their names have the number of slices, too ("A100-1-5C").
[[nodiscard]] bool is_mig_backed(const VgpuType& type);
// Why a type that is_mig_backed() is not offered; empty for the name of another type.
std::string mig_hint(const std::string& type);

struct TypeUse {
  unsigned available = 0;  // the sum over the card's parents of what the driver says
  unsigned used = 0;
};
// Why a type has no instance left although another one may: the vGPUs that the card runs have another size, and without
// mixed sizes the first vGPU decides the size. Empty if it runs none of another size.
std::string other_size(const VgpuView& view, const VgpuCard& card, const VgpuType& type);
TypeUse use_of(const VgpuView& view, const VgpuCard& card, const VgpuType& type);

}  // namespace vgpukit::vgpu
