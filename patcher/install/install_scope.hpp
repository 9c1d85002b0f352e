// The parts of a system that installing a driver through dkms changes.
#pragma once

#include <string>
#include <vector>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::install {

// What is to be kept before `versions` come or go: their folders in /usr/src, all that dkms has of nvidia, each
// kernel's NVIDIA modules, what depmod writes, and hooks of package managers. As the root knows them.
std::vector<std::string> install_scope(const HostPaths& host, const std::vector<std::string>& versions);

// The modules that NVIDIA's packages have had so far.
const std::vector<std::string>& nvidia_module_names();

}  // namespace vgpukit::install
