// Which modules `vgpukit load` would load, from where, in which order, and why. libkmod reads modules.dep, modprobe.d
// and the kernel's command line; the module files themselves tell what they need besides.
#pragma once

#include <string>
#include <vector>

#include "support/result.hpp"
#include "support/sysfs.hpp"

namespace vgpukit::load {

// NVIDIA's modules that are loaded when none is named, as far as there are such; a host's driver has the first two. In
// the order in which they load.
const std::vector<std::string>& driver_modules();

struct LoadRequest {
  std::vector<std::string> modules;  // names; empty: driver_modules()
  fs::path from;  // a folder with .ko files, such as `vgpukit build --output` left; empty: what is installed
};

struct PlannedModule {
  enum class State { absent, live, builtin };
  std::string name;
  fs::path file;        // empty where it is built in
  std::string options;  // modprobe.d's and the kernel command line's
  std::string reason;   // "asked for", "needed by nvidia_vgpu_vfio"
  State state = State::absent;
  bool driver = false;    // one of NVIDIA's
  bool optional = false;  // when it cannot be loaded, the others still are
  std::string left_out;   // why it is not loaded at all; else empty
};

struct LoadPlan {
  std::string release;
  std::vector<PlannedModule> modules;  // in the order of loading
};

// The kernel's modules (dependencies, VFIO, KVM) come from /lib/modules/RELEASE in any case.
// Errors: usage for a folder or a name that is not there, missing when no driver is installed for that kernel.
Result<LoadPlan> plan_load(const HostPaths& host, const Sysfs& sysfs, const std::string& release,
                           const LoadRequest& request);

}  // namespace vgpukit::load
