// /lib/modules: which kernels have a folder there, which module files are in it, and what depmod writes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::kernel {

struct InstalledModuleFile {
  std::string name;            // "nvidia-vgpu-vfio", as the file is called
  std::filesystem::path path;  // as the root knows it
};

// The modules of these names in /lib/modules/RELEASE, in whatever folder, compressed or not. '-' and '_' are the same.
std::vector<InstalledModuleFile> installed_module_files(const HostPaths& host, const std::string& release,
                                                        const std::vector<std::string>& names);

// The files that depmod writes, by name.
const std::vector<std::string>& depmod_files();

// All kernels that have a folder in /lib/modules.
std::vector<std::string> releases_of(const HostPaths& host);

// depmod for one kernel, in its root. Error: failed, with what it said.
Status run_depmod(const HostPaths& host, const std::string& release);

}  // namespace vgpukit::kernel
