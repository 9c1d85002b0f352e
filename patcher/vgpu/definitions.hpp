// The vGPUs that shall exist after each boot. They are written down in two places, and both count:
//   /etc/mdevctl.d/PARENT/UUID  mdevctl's JSON, one file for each mediated device (mdevctl.hpp)
//   /etc/vgpukit/vgpus.yaml     ours: cards by serial number or UUID, too, counts, and virtual functions
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::vgpu {

struct VgpuDefinition {
  std::string card;  // as it was written: an address, a serial number, a GPU's UUID; in mdevctl's folder the parent
  std::string type;  // as it was written: an id or a name
  std::string name;  // the UUID, or the virtual function's address
  // From a `count`: the UUID is derived, and on a card with vendor VFIO any function will do.
  bool counted = false;
  bool automatic = true;  // false: mdevctl's "manual", and ours is not to start it
  bool from_mdevctl = false;
  bool exported = false;  // mdevctl's file was written by `apply`, for a device of vgpus.yaml
  std::vector<std::pair<std::string, std::string>> attributes;  // mdevctl's: written after the device was made
  SourcePos where;
};

struct Definitions {
  std::vector<VgpuDefinition> all;
  std::vector<Error> bad;  // mdevctl's files that cannot be read as such; the others count all the same
};

fs::path vgpus_file(const HostPaths& host);

// Both places. A device of vgpus.yaml that apply wrote for mdevctl, too, is there once.
// Error: usage, with the position in vgpus.yaml.
Result<Definitions> load_definitions(const HostPaths& host);

// vgpus.yaml alone. The UUIDs of a `count` follow from the card, the type and the number, as they are written, so they
// are the same after each boot. Error: usage, with the position.
Result<std::vector<VgpuDefinition>> parse_vgpus(const std::string& file, const std::string& text);

// The file's text with one more virtual function, or without the line that add_function() wrote. Comments and order
// stay. Error: usage where the file is written in a way that no line can be added to or taken from.
Result<std::string> with_function(const std::string& file, const std::string& text, const std::string& card,
                                  const std::string& type, const std::string& function);
Result<std::string> without_device(const std::string& file, const std::string& text, const std::string& name);

}  // namespace vgpukit::vgpu
