// Whether the parameters that were written are in the configuration that the boot loader itself reads.
#pragma once

#include <string>
#include <vector>

#include "support/host_paths.hpp"
#include "system/boot_setup.hpp"

namespace vgpukit::passthrough {

struct ReadBack {
  enum class State { arrived, missing, unreadable };
  State state = State::arrived;
  std::string file;  // what was read: "/boot/grub/grub.cfg"; the first of several
  std::string text;  // a clause: "the entry X of /boot/grub/grub.cfg has them", "... has no intel_iommu=on"
};

// `words`: parameters. None: there is nothing to read back.
ReadBack read_back(const HostPaths& host, const system::BootSetup& setup, const std::vector<std::string>& words);

}  // namespace vgpukit::passthrough
