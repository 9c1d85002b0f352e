// What only nvidia-smi can tell and change: MIG mode, GPU instances, and mixed sizes ("heterogeneous mode"). The order
// is NVIDIA's: MIG mode, virtual functions, GPU instances, mixed sizes, the first vGPU. sriov-manage gives the card to
// its driver again, which removes GPU instances and switches mixed sizes off; both are gone after a reboot, too, and
// from Hopper on MIG mode as well.
#pragma once

#include <string>
#include <vector>

#include "vgpu/definitions.hpp"
#include "vgpu/vgpu_change.hpp"

namespace vgpukit::vgpu {

struct CardModes {
  std::string problem;           // why nvidia-smi gave no answer; empty if it did
  std::string mig, mig_pending;  // "Enabled" or "Disabled"; empty: the card or the driver has no MIG
  std::string mixed;             // mixed sizes: "Enabled" or "Disabled"; empty: the driver or the mode has none
  std::string mixed_can_be;      // "Supported" or "Not Supported"; empty: not told
};
// Runs nvidia-smi -q for the card, in the root of `tools`.
CardModes read_modes(const VgpuTools& tools, const std::string& card);

// Fills in what is missing of a card's settings, as steps of its plan. If the card has vGPUs, none of it can be
// changed; that is a problem then. Changes nothing.
void plan_modes(const VgpuTools& tools, const VgpuView& view, const std::vector<CardSettings>& settings,
                VgpuPlan& plan);
// Adds a problem if the plan of a card mixes sizes and mixed sizes are off.
void check_sizes(const VgpuTools& tools, const VgpuView& view, const std::vector<CardSettings>& settings,
                 VgpuPlan& plan);

// Each makes sure that it is so, and reads it back. Error: failed, with nvidia-smi's words.
Status switch_mig_on(const VgpuTools& tools, const std::string& card);
// After an error the GPU instances that this call made are removed again.
Status make_gpu_instances(const VgpuTools& tools, const std::string& card, const std::vector<GpuInstances>& wanted);
Status switch_mixed_on(const VgpuTools& tools, const std::string& card);

}  // namespace vgpukit::vgpu
