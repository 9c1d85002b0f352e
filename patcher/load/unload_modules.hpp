// `vgpukit unload` and `vgpukit reload`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "load/load_modules.hpp"
#include "load/module_holders.hpp"

namespace vgpukit::load {

struct UnloadRequest {
  bool stop_holders = false;  // stop services, and remove vGPUs without users
};

struct UnloadReport {
  Holders holders;                        // before anything was done
  std::vector<std::string> removed;       // modules, in that order
  std::vector<std::string> stopped;       // services
  std::vector<vgpu::Vgpu> vgpus;          // that were removed
  std::vector<std::string> not_put_back;  // after a failure: what could not be restored, as sentences
  std::optional<Error> error;             // then everything else is restored
};
Result<UnloadReport> unload_modules(const ModuleTools& tools, const UnloadRequest& request);

// Unloads, loads the same modules again (from the folder `from`; if that is empty, from where they came), starts the
// services and makes the vGPUs again. If the modules cannot be loaded, the old ones are restored.
struct ReloadReport {
  UnloadReport unloaded;
  std::optional<LoadReport> loaded;
  std::vector<std::string> started;
  std::vector<std::string> vgpus;  // that were made again
  std::optional<Error> error;
};
Result<ReloadReport> reload_modules(const ModuleTools& tools, const UnloadRequest& request, const fs::path& from);

}  // namespace vgpukit::load
