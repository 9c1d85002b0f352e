// What is publicly known of NVIDIA's chips by their PCI device ids: the generation, the last driver branch that knows
// them, and whether the open kernel modules do. From NVIDIA's lists of legacy GPUs (nvidia-installer's nvGpus.h, the
// open modules' README, Debian's nvidia-detect, the vgpuConfig.xml of vGPU 16); ids are handed out to chips in ranges,
// so ranges are kept here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vgpukit::system {

struct Chip {
  std::string_view name;        // GP104
  std::string_view generation;  // Pascal
  unsigned last_branch = 0;     // 580; 0: all newer ones, too
  unsigned last_vgpu =
      0;  // the last branch of the vGPU host driver for cards of this chip that it supports at all; 0: as above
  bool open_modules = false;   // the open kernel modules run it (they need a GSP: Turing and newer)
  bool closed_modules = true;  // the proprietary ones do, too (not from Blackwell on)
};

// Nothing for an id that is in no known range.
std::optional<Chip> chip_of(unsigned device);

// The card's name where it is one that people have for vGPUs ("Tesla P4"), or of those that vgpukit's stories are
// about; else empty.
std::string_view card_name(unsigned device, unsigned subsystem_device);
// Whether NVIDIA's vGPU host driver supports cards with this id (without any patch that says otherwise).
bool has_vgpus(unsigned device);

// "Tesla P4 (GP104, Pascal)"; "an NVIDIA card that is not in vgpukit's list (10de:1abc)".
std::string chip_text(unsigned device, unsigned subsystem_device);

}  // namespace vgpukit::system
