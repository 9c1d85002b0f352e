// The modules of the installed kernels, from the files that depmod and the kernel's build wrote: whether they have
// vfio, and which of them would take a device.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/host_paths.hpp"
#include "system/pci.hpp"

namespace vgpukit::passthrough {

class InstalledModules {
 public:
  // All folders in /lib/modules with a modules.dep. Never fails: a folder that cannot be read has no modules.
  static InstalledModules read(const HostPaths& host);

  [[nodiscard]] const std::vector<std::string>& kernels() const { return kernels_; }
  // By name, with '_' for '-'. "Somewhere": in one of the kernels. "Everywhere": in all, loadable or built in.
  [[nodiscard]] bool loadable_somewhere(std::string_view module) const;
  [[nodiscard]] bool built_in_somewhere(std::string_view module) const;
  [[nodiscard]] bool everywhere(std::string_view module) const;

  // The modules that an initramfs has to load: vfio_pci, vfio, vfio_iommu_type1, and vfio_virqfd if every kernel has it
  // (it is a part of vfio since 6.2). Without modules that are built in everywhere.
  [[nodiscard]] std::vector<std::string> vfio() const;
  // The modules that would bind to the device when they are loaded: by its alias, its driver's now, and those that
  // NVIDIA's functions are known to have.
  [[nodiscard]] std::vector<std::string> competing_modules(const system::PciDevice& device) const;

 private:
  struct KernelModules {
    std::vector<std::string> loadable, built_in;  // sorted
    std::string aliases;                          // modules.alias
  };
  std::vector<std::string> kernels_;
  std::vector<KernelModules> all_;
};

}  // namespace vgpukit::passthrough
