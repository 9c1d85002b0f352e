// Who keeps NVIDIA's modules in memory: other modules, programs that have /dev/nvidia* open, vGPUs and their virtual
// machines.
#pragma once

#include <string>
#include <vector>

#include "vgpu/vgpu.hpp"

namespace vgpukit::load {

struct ModuleHolder {
  std::string name;     // "gdrdrv"
  std::string held_by;  // what it keeps: "nvidia"
};

struct ProcessHolder {
  int pid = 0;
  std::string program;
  std::string unit;  // the system service that it belongs to, "nvidia-persistenced.service"; empty for everything else
  std::string vm;    // the virtual machine that it runs, or empty
  bool has_vgpu = false;  // it has a vGPU open: a virtual machine, also where its name is not known
  std::string what;       // "/dev/nvidiactl", or a vGPU's name
  [[nodiscard]] std::string text() const;
};

struct Holders {
  std::vector<ModuleHolder> modules;
  std::vector<ProcessHolder> processes;  // each once
  std::vector<vgpu::Vgpu> vgpus;         // those that exist, used or not
  [[nodiscard]] bool none() const { return modules.empty() && processes.empty() && vgpus.empty(); }
  // The services that have to be stopped, each once; what has a vGPU is none of them.
  [[nodiscard]] std::vector<std::string> units() const;
};

// The unit of a line of /proc/PID/cgroup, or nothing: users' sessions, containers and virtual machines are no services.
std::string service_of(std::string_view cgroups);

// `modules`: those that are to go. An ordinary user sees their own processes only.
Holders find_holders(const Sysfs& sysfs, const std::vector<std::string>& modules);

}  // namespace vgpukit::load
