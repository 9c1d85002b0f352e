// mdevctl's definitions: /etc/mdevctl.d/PARENT/UUID, JSON as its src/mdev.rs reads and writes it:
//   {"mdev_type": "nvidia-63", "start": "auto", "attrs": [{"nvidia/vgpu_params": "..."}]}
// A file that apply has written for vgpus.yaml also has the key "vgpukit", which mdevctl ignores. Apply removes only
// such files.
#pragma once

#include <vector>

#include "vgpu/definitions.hpp"

namespace vgpukit::vgpu {

// All definitions, sorted. A file whose name is no UUID is skipped, as by mdevctl. A file that cannot be parsed is
// added to `bad`.
std::vector<VgpuDefinition> load_mdevctl(const HostPaths& host, std::vector<Error>& bad);

// The path of the definition, which may not exist. `parent` and `uuid` must have been checked to be names.
fs::path mdevctl_file(const HostPaths& host, const std::string& parent, const std::string& uuid);

// Error: missing, if it cannot be removed.
Status remove_mdevctl_file(const fs::path& file);

// The text as mdevctl writes it, byte for byte, except for the key of an exported definition.
std::string mdevctl_text(const VgpuDefinition& definition);

// The text of an existing definition with the type, the start and the attributes of `definition`; other keys stay.
// Error: usage, if the text is no definition (any more).
Result<std::string> changed_mdevctl_text(const fs::path& file, const std::string& text,
                                         const VgpuDefinition& definition);

}  // namespace vgpukit::vgpu
