// What the checks need of a host, read once. All of it comes from files below the root of HostPaths, so that checks
// also run on a fixture.
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
#include "system/nvidia_smi.hpp"
#include "system/pci.hpp"
#include "system/services.hpp"
#include "vgpu/definitions.hpp"
#include "vgpu/vgpu.hpp"
#include "vgpu/vgpu_support.hpp"

namespace vgpukit::doctor {

// The driver's modules for one kernel, as `vgpukit status` reports them. install/ knows them, so cli/ fills this in.
struct DriverForKernel {
  std::string release;
  bool running = false, next = false;
  std::string problem;  // why the driver does not work for it; empty if it does
};
struct DriverState {
  std::string version;     // of the driver that vgpukit installed; empty: none
  std::string unfinished;  // the command that was interrupted; empty: none
  std::vector<DriverForKernel> kernels;
};

// A card that `vgpukit passthrough apply` gave to vfio-pci. passthrough/ knows it, so cli/ fills this in.
struct AppliedCard {
  std::string address;
  std::vector<std::string> parameters;  // of the kernel
  bool this_boot = false;               // applied since the machine booted: it takes effect with the next boot
};

// An installed kernel or the running one, and whether a driver can be built for it.
struct InstalledKernel {
  std::string release;
  bool running = false;
  std::string problem, next;  // empty: it has headers and a compiler
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
  std::vector<AppliedCard> applied;
  vgpu::HostDriver vgpu_driver;
  vgpu::VgpuView vgpus;
  vgpu::Definitions vgpu_definitions;  // empty if vgpus.yaml has a mistake
  // Only read if vgpu_driver is one for vGPUs.
  std::vector<system::ServiceState> vgpu_services;
  system::NvidiaSmi smi;
  std::string user;  // the ordinary user who runs the command, filled in by the caller; empty: root alone

  [[nodiscard]] bool cpu_has(std::string_view flag) const;
  [[nodiscard]] bool cpu_is_amd() const;
  // Whether the running kernel has this version or a newer one. False if its version is not known.
  [[nodiscard]] bool kernel_is_at_least(std::string_view version) const;
};

// Never fails: the checks report what could not be read.
HostView read_host_view(const HostPaths& host, const Sysfs& sysfs);

// The running kernel's configuration: /proc/config.gz, /boot/config-REL or /lib/modules/REL/config.
struct RunningConfig {
  kernel::KernelConfig options;
  std::string source;  // the file; empty: none can be read
};
RunningConfig running_config(const HostPaths& host, const std::string& release);

}  // namespace vgpukit::doctor
