// NVIDIA's chips by PCI device id: the generation, the last driver branch that supports them, and whether the open
// kernel modules do. Sources: NVIDIA's lists of legacy GPUs (nvGpus.h of nvidia-installer), the README of the open
// modules, Debian's nvidia-detect. The cards with vGPUs: the vgpuConfig.xml of vGPU 16, and the lists of supported GPUs
// in NVIDIA's release notes of vGPU 16 to 19 (docs.nvidia.com/vgpu). Each chip has ranges of ids.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vgpukit::system {

struct Chip {
  std::string_view name;        // GP104
  std::string_view generation;  // Pascal
  unsigned last_branch = 0;     // the last driver branch that supports it, such as 580; 0: the newest does
  unsigned first_vgpu = 0;      // the first branch of the vGPU host driver for its cards; 0: none of them has vGPUs
  unsigned last_vgpu = 0;       // the last one; 0: the newest
  bool open_modules = false;    // the open kernel modules support it (they need a GSP: Turing and newer)
  bool closed_modules = true;   // the proprietary modules support it (up to Ada and Hopper)
  // has_vgpus() knows all of its cards. If not, a card that is not in the list may be newer than the list.
  bool vgpu_cards_complete = true;
};

// Nothing if the id is in no known range.
std::optional<Chip> chip_of(unsigned device);

// The name of a card: those with vGPUs ("Tesla P4") and those of docs/stories.md. Empty for others.
std::string_view card_name(unsigned device, unsigned subsystem_device);
// Whether NVIDIA's unpatched vGPU host driver supports cards with this id.
bool has_vgpus(unsigned device);

// "Tesla P4 (GP104, Pascal)"; "an NVIDIA card that is not in vgpukit's list (10de:1abc)".
std::string chip_text(unsigned device, unsigned subsystem_device);

}  // namespace vgpukit::system
