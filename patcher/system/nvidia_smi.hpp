// What nvidia-smi says about the cards: `nvidia-smi -q` and `nvidia-smi vgpu -ss`, as text. Branches differ in their
// keys, so every value is looked up by its name and may be absent.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "support/host_paths.hpp"

namespace vgpukit::system {

struct NvidiaSmi {
  std::string problem;  // why it did not answer, in its own words where it has any; empty if it answered
  // A card's address in the kernel's form -> "MIG Mode/Current" -> "Disabled". The key of a value has the names of the
  // sections above it.
  std::map<std::string, std::map<std::string, std::string>> cards;

  // The value of the card, or empty if nvidia-smi does not have it, or says "N/A".
  [[nodiscard]] std::string value(const std::string& card, const std::string& key) const;
};

// Asks the program of this machine, for at most 10 s. Another root's is not run: it would ask this machine's driver.
NvidiaSmi ask_nvidia_smi(const HostPaths& host);

// Adds the values of one output.
void parse_nvidia_smi(std::string_view text, NvidiaSmi& smi);

}  // namespace vgpukit::system
