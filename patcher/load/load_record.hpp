// The files that the loaded modules came from, which the kernel does not tell. unload needs them to restore a module.
// They are in /run/vgpukit/modules.json, which is gone after a boot, as the modules are.
#pragma once

#include <map>
#include <string>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::load {

struct LoadedFrom {
  fs::path file;
  std::string options;
};
using ModuleRecord = std::map<std::string, LoadedFrom>;  // by the module's name

// Empty if the file is absent or damaged.
ModuleRecord read_module_record(const HostPaths& host);
Status write_module_record(const HostPaths& host, const ModuleRecord& record);

}  // namespace vgpukit::load
