// Which boot loader started the running kernel.
#pragma once

#include "system/boot_setup.hpp"
#include "system/efi_variables.hpp"

namespace vgpukit::system {

struct BootedLoader {
  BootLoader loader = BootLoader::none;
  bool unified = false;  // from a unified kernel image
  std::vector<BootFact> facts;
  std::string entry;    // the file name of the entry that was selected; empty: not known
  std::string refusal;  // the evidence contradicts itself, or names a loader that vgpukit does not know
  std::string refusal_next;
};

// Compares /proc/cmdline, EFI variables, the menus of all loaders that have files here, and these files.
BootedLoader booted_loader(const HostPaths& host, const Distribution& distribution, const EfiVariables& efi);

// A file of the running system, or empty.
std::string boot_text(const HostPaths& host, const std::string& path);

// Whether the host has this file or folder.
bool exists(const HostPaths& host, const std::string& path);
// Whether a program of this name is in one of the host's folders for programs.
bool has_program(const HostPaths& host, const std::string& name);

}  // namespace vgpukit::system
