// What holds NVIDIA's modules: other modules, programs that have a file of the driver open (/dev/nvidia*, and those of
// its cards, such as /dev/dri/card0), vGPUs and their virtual machines.
#pragma once

#include <string>
#include <vector>

#include "vgpu/vgpu.hpp"

namespace vgpukit::load {

struct ModuleHolder {
  std::string name;     // "gdrdrv"
  std::string held_by;  // the module that it holds: "nvidia"
};

struct ProcessHolder {
  int pid = 0;
  std::string program;
  std::string unit;       // its system service, "nvidia-persistenced.service"; empty if it belongs to none
  std::string vm;         // the virtual machine that it runs, or empty
  bool has_vgpu = false;  // it has a vGPU open, so it is a virtual machine, although its name may be unknown
  std::string what;       // "/dev/nvidiactl", or a vGPU's name
  [[nodiscard]] std::string text() const;
};

struct Holders {
  std::vector<ModuleHolder> modules;
  std::vector<ProcessHolder> processes;  // each once
  std::vector<vgpu::Vgpu> vgpus;         // all that exist, used or not
  [[nodiscard]] bool none() const { return modules.empty() && processes.empty() && vgpus.empty(); }
  // The services to stop, each once, without those that have a vGPU.
  [[nodiscard]] std::vector<std::string> units() const;
};

// The system service in the text of /proc/PID/cgroup; empty for users' sessions, containers and virtual machines.
std::string service_of(std::string_view cgroups);

// `modules`: the modules to unload. An ordinary user sees their own processes only.
Holders find_holders(const Sysfs& sysfs, const std::vector<std::string>& modules);

}  // namespace vgpukit::load
