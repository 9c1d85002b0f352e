// Where the loaded modules came from. The kernel does not remember it, and whoever takes a module out wants to be able
// to put it back. /run/vgpukit/modules.json: gone after a boot, as the modules are.
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

// Empty where there is none, or none that is understood.
ModuleRecord read_module_record(const HostPaths& host);
Status write_module_record(const HostPaths& host, const ModuleRecord& record);

}  // namespace vgpukit::load
