// Loads NVIDIA's modules into the running kernel with libkmod, unloads them, and explains refusals. After a failed step
// the previous steps are undone. A lock allows one vgpukit at a time. load/ may use module/, system/ and vgpu/. This
// header: `vgpukit load`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "load/load_errors.hpp"
#include "load/load_plan.hpp"
#include "load/running_system.hpp"
#include "support/atomic_file.hpp"
#include "system/kernel_log.hpp"

namespace vgpukit::load {

struct ModuleTools {
  const HostPaths& host;
  Sysfs& sysfs;
  RunningSystem& running_system;
  std::string release;                                                  // of the running kernel
  std::function<std::vector<system::KernelMessage>()> kernel_messages;  // the kernel's messages since the last call
  std::function<void()> on_wait;                                        // called once if another vgpukit has the lock
};

struct ModuleOutcome {
  enum class State { loaded, live, builtin, skipped, failed, unloaded_again };
  PlannedModule module;
  State state = State::loaded;
  std::optional<Error> error;                   // set in the state failed
  std::vector<system::KernelMessage> messages;  // of the kernel while it was loaded
};

struct LoadReport {
  std::string release;
  std::vector<ModuleOutcome> modules;  // in the order of loading; after a failure the rest is missing
  std::vector<OccupiedCard> occupied;  // cards that another driver has
  std::optional<Error> error;          // then all modules of the driver that this load had loaded are unloaded again
};
Result<LoadReport> load_modules(const ModuleTools& tools, const LoadRequest& request);

// Errors: denied without root, usage for another root folder.
Status may_change_modules(const ModuleTools& tools, const std::string& tried,
                          const std::string& hint = "run it with sudo");
Result<FileLock> lock_modules(const ModuleTools& tools);
// The lock must be held.
LoadReport load_planned(const ModuleTools& tools, const LoadPlan& plan);

}  // namespace vgpukit::load
