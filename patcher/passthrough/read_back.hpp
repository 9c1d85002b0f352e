// Whether what was written is in what the next boot reads: the parameters in the boot loader's own configuration, the
// file of modprobe.d in the initramfs.
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
// Whether the images that the running kernel was started with, and that have been made again, have modprobe_file with
// this content. Unreadable: they are not known or cannot be read, or the tool does not copy the file (booster).
ReadBack read_back_initramfs(const HostPaths& host, const system::BootSetup& setup, const std::string& content);

}  // namespace vgpukit::passthrough
