// Writes and removes definitions of vGPUs. The vGPUs themselves need not exist and are not changed.
#pragma once

#include <string>
#include <vector>

#include "vgpu/vgpu_change.hpp"

namespace vgpukit::vgpu {

struct Defined {
  VgpuStep step;
  fs::path file;
  std::string not_now;  // why `apply` cannot make it now; empty if it can, or if it exists
};
// Writes mdevctl's file for a mediated device, or adds a virtual function to vgpus.yaml. `running`: the UUID or
// function of an existing vGPU to define, instead of a request.
Result<Defined> define_vgpu(const VgpuTools& tools, const VgpuRequest& request, const std::string& running = "");

// Removes the definition; if both places define the vGPU for the same card, from both. `card`: which one, if the UUID
// is defined for several cards. Gives the changed files.
Result<std::vector<fs::path>> undefine_vgpu(const VgpuTools& tools, const std::string& name, const std::string& card);

// The definitions of one vGPU, which are in one place or in both, for one card. Error: usage, if there is none, or for
// several cards without `card`.
Result<std::vector<VgpuDefinition>> definitions_named(const VgpuView& view, const std::vector<VgpuDefinition>& all,
                                                      const std::string& name, const std::string& card,
                                                      const std::string& tried);

struct DefinitionChange {
  std::string type;  // empty: as it is
  std::optional<bool> automatic;
  SettingsChange settings;
  std::string card;  // which one, if the UUID is defined for several cards
};
struct Modified {
  VgpuStep step;                // as it is defined now
  std::vector<fs::path> files;  // that were changed
  bool exists = false;          // the vGPU exists: it is not changed
};
// Changes a definition; keys of mdevctl's file that vgpukit does not know stay. Error: failed, if another program has
// changed the file meanwhile.
Result<Modified> modify_vgpu(const VgpuTools& tools, const std::string& name, const DefinitionChange& change);

}  // namespace vgpukit::vgpu
