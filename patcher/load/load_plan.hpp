// The modules that `vgpukit load` would load: their files, their order, and a reason for each. libkmod reads
// modules.dep, modprobe.d and the kernel's command line. The module files tell their other needs.
#pragma once

#include <string>
#include <vector>

#include "support/result.hpp"
#include "support/sysfs.hpp"

namespace vgpukit::load {

// NVIDIA's modules that are loaded if the user names none and they exist, in the order of loading. A vGPU host's driver
// has the first two.
const std::vector<std::string>& driver_modules();

struct LoadRequest {
  std::vector<std::string> modules;  // names; empty: driver_modules()
  fs::path from;  // a folder with .ko files, such as `vgpukit build --output` left; empty: what is installed
};

struct PlannedModule {
  enum class State { absent, live, builtin };
  std::string name;
  fs::path file;        // empty if it is built in
  std::string options;  // modprobe.d's and the kernel command line's
  std::string reason;   // "asked for", "needed by nvidia_vgpu_vfio"
  State state = State::absent;
  bool driver = false;          // one of NVIDIA's
  bool optional = false;        // if it cannot be loaded, the others still are
  std::string skipped_because;  // why it is not loaded at all; may be empty
};

struct LoadPlan {
  std::string release;
  std::vector<PlannedModule> modules;  // in the order of loading
};

// The kernel's modules (dependencies, VFIO, KVM) come from /lib/modules/RELEASE in any case.
// Errors: usage for an unknown folder or name, missing if no driver is installed for that kernel.
Result<LoadPlan> plan_load(const HostPaths& host, const Sysfs& sysfs, const std::string& release,
                           const LoadRequest& request);

}  // namespace vgpukit::load
