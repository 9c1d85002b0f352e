// All that the checks look at, read once. It is made of files below the root of HostPaths, so a check runs on a fixture
// as on a host.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernel/kernel.hpp"
#include "system/boot_setup.hpp"
#include "system/display.hpp"
#include "system/iommu_groups.hpp"
#include "system/kernel_log.hpp"
#include "system/kernel_parameters.hpp"
#include "system/pci.hpp"

namespace vgpukit::doctor {

// What `vgpukit status` knows of one kernel's modules. Another room's knowledge: the caller fills it in.
struct DriverForKernel {
  std::string release;
  bool running = false, next = false;
  std::string problem;  // why it has no working driver; empty when it has
};
struct DriverState {
  std::string version;  // that vgpukit installed; empty: none
  std::string unfinished;
  std::vector<DriverForKernel> kernels;
};

// A kernel that is installed, and whether a driver can be built for it.
struct InstalledKernel {
  std::string release;
  bool running = false;
  std::string problem, next;  // empty: headers and the compiler are there
};

struct HostView {
  HostPaths host;
  system::PciView pci;
  std::vector<system::IommuGroup> groups;
  system::KernelParameters parameters;
  system::KernelLog log;
  system::Display display;
  system::BootSetup boot;
  std::string release;                   // of the running kernel; empty: not known
  std::string cpuinfo;                   // the first processor's lines
  std::vector<InstalledKernel> kernels;  // from the oldest to the newest
  std::optional<DriverState> driver;
  std::string user;  // who sits in front of it, where that is an ordinary user; the caller knows. Empty: nobody

  [[nodiscard]] bool cpu_has(std::string_view flag) const;
  [[nodiscard]] bool cpu_is_amd() const;
  // Whether the running kernel is this one or a newer one. False where it is not known.
  [[nodiscard]] bool kernel_is_at_least(std::string_view version) const;
};

// Nothing is an error: a check says what could not be read.
HostView read_host_view(const HostPaths& host, const Sysfs& sysfs);

// The running kernel's configuration: /proc/config.gz, /boot/config-REL or /lib/modules/REL/config.
struct RunningConfig {
  kernel::KernelConfig options;
  std::string source;  // the file; empty: there is none that can be read
};
RunningConfig running_config(const HostPaths& host, const std::string& release);

}  // namespace vgpukit::doctor
