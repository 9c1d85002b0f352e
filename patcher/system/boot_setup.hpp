// Which tool makes the initramfs of a host, which boot loader has its kernel parameters, and which files configure
// both.
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
  // "/etc/default/grub", "/etc/kernel/cmdline", or a loader entry; as the root knows it.
  std::string parameters_file;
  // The command after a change of that file. Empty: no command is needed.
  std::vector<std::string> update_parameters;
  std::vector<std::string> update_initramfs;  // the command that rebuilds the initramfs
};

// Decided by the files that exist. Never fails: an unknown tool is `none`, and its command is empty.
BootSetup boot_setup_of(const HostPaths& host);

// "add intel_iommu=on to GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, then update-grub and reboot", for messages.
// `word`: one parameter or several.
std::string how_to_add(const BootSetup& setup, const std::string& word);
std::string how_to_remove(const BootSetup& setup, const std::string& word);

}  // namespace vgpukit::system
