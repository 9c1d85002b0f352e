// The parts of a system that installing a driver through dkms changes.
#pragma once

#include <string>
#include <vector>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit {

// What is to be kept before `versions` come or go: their folders in /usr/src, all that dkms has of nvidia, each kernel's NVIDIA
// modules, what depmod writes, and hooks of package managers. As the root knows them.
std::vector<std::string> install_scope(const HostPaths& host, const std::vector<std::string>& versions);

// The files that depmod writes, by name.
const std::vector<std::string>& depmod_files();

// All kernels that have a folder in /lib/modules.
std::vector<std::string> releases_of(const HostPaths& host);

// depmod for one kernel, in its root. Error: failed, with what it said.
Status run_depmod(const HostPaths& host, const std::string& release);

}  // namespace vgpukit
