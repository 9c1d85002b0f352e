// What a user sees of the vGPUs: those that exist and those that are defined in one list, and how much of each type is
// used.
#pragma once

#include <string>
#include <vector>

#include "vgpu/definitions.hpp"
#include "vgpu/vgpu.hpp"

namespace vgpukit::vgpu {

struct VgpuRow {
  Vgpu device;  // of one that is only defined: its name, parent, card and type, as far as they are known
  bool active = false;
  bool defined = false;
  bool automatic = false;  // it is made at boot
  std::vector<std::pair<std::string, std::string>> attributes;
  std::vector<VgpuUser> users;
};

// The vGPU of a definition, its place and type in the words of the view where it knows them. That of a count of virtual
// functions has no name.
Vgpu defined_device(const VgpuView& view, const VgpuDefinition& definition);

// Sorted by parent and name, as mdevctl does. Definitions of a count of virtual functions that do not exist yet have no
// name.
std::vector<VgpuRow> list_vgpus(const Sysfs& sysfs, const VgpuView& view,
                                const std::vector<VgpuDefinition>& definitions);

struct TypeUse {
  unsigned available = 0;  // the sum over the card's parents of what the driver says
  unsigned used = 0;
};
TypeUse use_of(const VgpuView& view, const VgpuCard& card, const VgpuType& type);

}  // namespace vgpukit::vgpu
