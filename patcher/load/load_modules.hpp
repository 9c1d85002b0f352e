// Loads NVIDIA's modules into the running kernel and takes them out again. Nothing is left half-done: where a step
// fails, what was done before it is taken back. One vgpukit at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "load/load_errors.hpp"
#include "load/load_plan.hpp"
#include "load/module_holders.hpp"
#include "load/running_system.hpp"
#include "support/atomic_file.hpp"
#include "system/kernel_log.hpp"

namespace vgpukit::load {

struct ModuleTools {
  const HostPaths& host;
  Sysfs& sysfs;
  RunningSystem& running_system;
  std::string release;                                                  // of the running kernel
  std::function<std::vector<system::KernelMessage>()> kernel_messages;  // what the kernel has said since the last call
  std::function<void()> on_wait;                                        // called once when another vgpukit is at it
};

struct ModuleOutcome {
  enum class State { loaded, live, builtin, left_out, failed, unloaded_again };
  PlannedModule module;
  State state = State::loaded;
  std::optional<Error> error;                   // of a failed one
  std::vector<system::KernelMessage> messages;  // what the kernel said while it was loaded
};

struct LoadReport {
  std::string release;
  std::vector<ModuleOutcome> modules;  // in the order in which it was tried; after a failure the rest is missing
  std::vector<OccupiedCard> occupied;  // cards that the driver did not get
  std::optional<Error> error;          // then none of the driver's modules that this load had loaded is left
};
Result<LoadReport> load_modules(const ModuleTools& tools, const LoadRequest& request);

struct UnloadRequest {
  bool stop_holders = false;  // stop services, and remove vGPUs that nobody uses
};

struct UnloadReport {
  Holders holders;                        // as they were before anything was done
  std::vector<std::string> removed;       // modules, in that order
  std::vector<std::string> stopped;       // services
  std::vector<vgpu::Vgpu> vgpus;          // that were removed
  std::vector<std::string> not_put_back;  // what could not be put back after a failure
  std::optional<Error> error;             // then all of it is back, but for the troubles
};
Result<UnloadReport> unload_modules(const ModuleTools& tools, const UnloadRequest& request);

// Unloads, loads the same modules again (from `from`, else from where they came), starts the services and makes the
// vGPUs again. Where the modules cannot be loaded, the old ones come back.
struct ReloadReport {
  UnloadReport unloaded;
  std::optional<LoadReport> loaded;
  std::vector<std::string> started;
  std::vector<std::string> vgpus;  // that were made again
  std::optional<Error> error;
};
Result<ReloadReport> reload_modules(const ModuleTools& tools, const UnloadRequest& request, const fs::path& from);

}  // namespace vgpukit::load
