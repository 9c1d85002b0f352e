// Who makes this host's initramfs and its kernel command line, and where one writes what they should hold.
#pragma once

#include <string>
#include <vector>

#include "support/distribution.hpp"
#include "support/host_paths.hpp"

namespace vgpukit::system {

enum class InitramfsTool { none, initramfs_tools, dracut, mkinitcpio };
enum class BootLoader { none, grub, systemd_boot, proxmox_boot_tool };

struct BootSetup {
  Distribution distribution;
  InitramfsTool initramfs = InitramfsTool::none;
  BootLoader loader = BootLoader::none;
  std::string parameters_file;  // "/etc/default/grub", "/etc/kernel/cmdline", or a loader's entry; as the root knows it
  std::vector<std::string>
      update_parameters;  // what makes a change of that file take effect; none: nothing has to be run
  std::vector<std::string> update_initramfs;  // what makes the initramfs anew
};

// By the files that are there. Never fails: what is not known is `none`, and its commands are empty.
BootSetup boot_setup_of(const HostPaths& host);

// "add intel_iommu=on to GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, then update-grub and reboot", for messages.
// `word`: one parameter or several.
std::string how_to_add(const BootSetup& setup, const std::string& word);
std::string how_to_remove(const BootSetup& setup, const std::string& word);

}  // namespace vgpukit::system
