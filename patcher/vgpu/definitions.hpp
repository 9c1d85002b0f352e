// The definitions of the vGPUs that are made after each boot. They are in two places:
//   /etc/mdevctl.d/PARENT/UUID  mdevctl's JSON, one file for each mediated device (mdevctl.hpp)
//   /etc/vgpukit/vgpus.yaml     ours; it also has cards by serial number or UUID, counts, and virtual functions
#pragma once

#include <string>
#include <vector>

#include "support/host_paths.hpp"
#include "support/result.hpp"
#include "vgpu/plugin_params.hpp"

namespace vgpukit::vgpu {

struct VgpuDefinition {
  std::string card;  // as in the file: an address, a serial number, a GPU's UUID; in mdevctl's folder the parent
  std::string type;  // as in the file: an id or a name
  std::string name;  // the UUID, or the virtual function's address
  // From a `count`: the UUID is derived, and on a card with vendor VFIO any function can carry it.
  bool counted = false;
  bool automatic = true;  // false: mdevctl's "manual": apply does not make it
  bool from_mdevctl = false;
  bool exported = false;  // mdevctl's file was written by `apply`, for a device of vgpus.yaml
  Attributes attributes;  // written after the vGPU was made
  SourcePos where;
};

// GPU instances of one profile: "1g.24gb+gfx", or the number of `nvidia-smi mig -lgip`.
struct GpuInstances {
  std::string profile;
  unsigned count = 1;
};
// What vgpus.yaml wants of a whole card, under `cards`.
struct CardSettings {
  std::string card;  // as in the file
  bool mixed_sizes = false;
  std::vector<GpuInstances> gpu_instances;
  SourcePos where;
};

struct Definitions {
  std::vector<CardSettings> cards;
  std::vector<VgpuDefinition> all;
  std::vector<Error> bad;  // mdevctl's files that cannot be parsed; the others are in `all`
};

fs::path vgpus_file(const HostPaths& host);

// Both places. A device of vgpus.yaml that apply has written for mdevctl is in the result once.
// Error: usage, with the position in vgpus.yaml.
Result<Definitions> load_definitions(const HostPaths& host);

// vgpus.yaml alone, with the settings of cards.
Result<Definitions> parse_vgpus_file(const std::string& file, const std::string& text);
// Its vGPUs. The UUIDs of a `count` are derived from the card, the type and the number in the file, so they are
// the same after each boot. Error: usage, with the position.
Result<std::vector<VgpuDefinition>> parse_vgpus(const std::string& file, const std::string& text);

// The file's text with a line for one more vGPU that has a name, or without the line of one. Comments and order stay.
// Error: usage if the file's form allows neither.
Result<std::string> with_device(const std::string& file, const std::string& text, const VgpuDefinition& device);
Result<std::string> without_device(const std::string& file, const std::string& text, const std::string& name);

}  // namespace vgpukit::vgpu
