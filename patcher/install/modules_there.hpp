// Which driver modules a kernel really has, whatever dkms says of it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "support/host_paths.hpp"

namespace vgpukit {

struct ModuleThere {
  std::string name;            // "nvidia-vgpu-vfio", as the file is called
  std::filesystem::path path;  // as the root knows it
};

// The modules of these names in /lib/modules/RELEASE, in whatever folder, compressed or not. '-' and '_' are the same.
std::vector<ModuleThere> modules_there(const HostPaths& host, const std::string& release, const std::vector<std::string>& names);

// The modules that NVIDIA's packages have had so far.
const std::vector<std::string>& nvidia_module_names();

}  // namespace vgpukit
