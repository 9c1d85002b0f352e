// What prevents an installation, found before anything is changed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "install/dkms.hpp"
#include "support/host_paths.hpp"

namespace vgpukit::install {

struct Conflict {
  std::string what;  // "the package nvidia-kernel-dkms is installed"
  std::string next;  // what to do about it
  bool blocks = true;
};

struct ConflictRequest {
  std::string version;               // of the driver
  bool user_space = false;           // by nvidia-installer, which loads modules and needs the card
  std::uintmax_t source_bytes = 0;   // of the driver's sources
  std::uintmax_t module_bytes = 0;   // of all modules that will be installed; 0: not built yet
  std::uintmax_t package_bytes = 0;  // of the .run, if the installer of it will run
  // The installer installs beside a driver that is loaded and in use (545 and newer).
  bool installer_ignores_modules = false;
};

// Packages with NVIDIA modules of their own (dpkg, rpm, pacman), modules that belong to neither dkms nor vgpukit, other
// nvidia entries of dkms and orphaned ones, settings of dkms that replace ours, nouveau or nova_core on the card,
// running vGPUs, too little space, and what would stop nvidia-installer (installer_conflicts.hpp). `dkms`: all entries
// of dkms.
std::vector<Conflict> find_conflicts(const HostPaths& host, const ConflictRequest& request,
                                     const std::vector<DkmsEntry>& dkms);

// Whether a package of this name has NVIDIA's modules: "nvidia-dkms-535", "nvidia-open", "kmod-nvidia".
bool brings_nvidia_modules(const std::string& package);

}  // namespace vgpukit::install
