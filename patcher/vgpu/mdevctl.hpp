// mdevctl's definitions: /etc/mdevctl.d/PARENT/UUID, JSON as its src/mdev.rs reads and writes it:
//   {"mdev_type": "nvidia-63", "start": "auto", "attrs": [{"nvidia/vgpu_params": "..."}]}
// What we write for vgpus.yaml has the key "vgpukit", too, which mdevctl ignores: so apply knows which files are its
// own to clean up.
#pragma once

#include <vector>

#include "vgpu/definitions.hpp"

namespace vgpukit::vgpu {

// All of them, sorted. Files that are no UUID are passed over, as mdevctl does; those that cannot be understood are
// added to `bad`.
std::vector<VgpuDefinition> load_mdevctl(const HostPaths& host, std::vector<Error>& bad);

// Where the definition is or would be. `parent` and `uuid` must have been checked to be names.
fs::path mdevctl_file(const HostPaths& host, const std::string& parent, const std::string& uuid);

// Error: missing, where it cannot be removed.
Status remove_mdevctl_file(const fs::path& file);

// The text as mdevctl writes it, byte for byte (but for the key of an exported one).
std::string mdevctl_text(const VgpuDefinition& definition);

}  // namespace vgpukit::vgpu
