// How a host boots: its boot loader, where the kernel's parameters are written and how they reach the kernel, and which
// tool makes its initramfs. What the running kernel was booted with decides: /proc/cmdline, EFI variables, and the
// loader's own menu. The files that exist decide only if nothing else is known.
#pragma once

#include <string>
#include <vector>

#include "support/distribution.hpp"
#include "support/host_paths.hpp"
#include "support/sysfs.hpp"
#include "system/initramfs_image.hpp"

namespace vgpukit::system {

enum class BootLoader { none, grub, systemd_boot, refind, limine, firmware };
// "GRUB", "systemd-boot", ...
const char* loader_name(BootLoader loader);

// Where the kernel's parameters are written.
enum class ParameterPlace {
  none,             // not known
  grub_defaults,    // /etc/default/grub; a program writes grub.cfg from it
  grubby,           // loader entries that GRUB reads (Fedora, RHEL); grubby changes them
  loader_entries,   // loader entries that systemd-boot reads
  kernel_cmdline,   // /etc/kernel/cmdline; a program writes the loader entries from it
  unified_image,    // a file that is copied into the section .cmdline of a unified image
  refind_conf,      // refind_linux.conf or refind.conf, which rEFInd reads
  limine_defaults,  // /etc/default/limine; a program writes limine.conf from it
  limine_conf,      // limine.conf, which Limine reads
};

// Who owns the boot configuration. vgpukit changes only `files`.
enum class BootManager { files, rpm_ostree, bootc, nixos, guix, talos, transactional_update, firmware };

struct BootFact {
  std::string file;   // "/proc/cmdline", or an EFI variable
  std::string value;  // "BOOT_IMAGE=/vmlinuz-6.8.12-4-pve"
};

struct BootSetup {
  Distribution distribution;
  BootManager manager = BootManager::files;
  BootLoader loader = BootLoader::none;
  std::vector<BootFact> loader_facts;  // the evidence for manager and loader
  ParameterPlace place = ParameterPlace::none;
  std::string parameters_file;  // as the root knows it. Empty with grubby and `none`
  std::string variable;         // in that file: "GRUB_CMDLINE_LINUX_DEFAULT"; empty: the file itself has the parameters
  // The command after a change of that file. Empty: no command is needed. With grubby: without its parameters.
  std::vector<std::string> update_parameters;
  InitramfsTool initramfs = InitramfsTool::none;
  std::vector<BootFact> initramfs_facts;
  std::vector<std::string> images;  // that the running kernel was started with, as the root knows them; no microcode
  std::vector<std::string> update_initramfs;  // the command that generates the initramfs again
  // Why vgpukit does not change the boot files of this host: another program owns them, or the evidence contradicts
  // itself (it then names both facts). Empty: it does.
  std::string refusal;
  std::string refusal_next;  // what a person can do
};

// Never fails: what is not known is `none`, and a contradiction is a refusal.
BootSetup boot_setup_of(const HostPaths& host);

// "add intel_iommu=on to GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, then update-grub and reboot", for messages.
// `word`: one parameter or several.
std::string how_to_add(const BootSetup& setup, const std::string& word);
std::string how_to_remove(const BootSetup& setup, const std::string& word);

// "/proc/cmdline has BOOT_IMAGE=/vmlinuz; ..."
std::string facts_text(const std::vector<BootFact>& facts);

}  // namespace vgpukit::system
