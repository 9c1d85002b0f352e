// What the installed kernels have of vfio, and which of their modules would take a device: asked of the files that
// depmod made, not of version numbers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/host_paths.hpp"
#include "system/pci.hpp"

namespace vgpukit::passthrough {

class InstalledModules {
 public:
  // All folders in /lib/modules with a modules.dep. Never fails: one that cannot be read has nothing.
  static InstalledModules read(const HostPaths& host);

  [[nodiscard]] const std::vector<std::string>& kernels() const { return kernels_; }
  // By name, with '_' for '-'.
  [[nodiscard]] bool loadable_somewhere(std::string_view module) const;
  [[nodiscard]] bool built_in_somewhere(std::string_view module) const;
  [[nodiscard]] bool everywhere(std::string_view module) const;  // loadable or built in

  // What an initramfs should load: vfio_pci, vfio, vfio_iommu_type1 and, where every kernel still has it (it became a
  // part of vfio in 6.2), vfio_virqfd. What is built in everywhere is left out.
  [[nodiscard]] std::vector<std::string> vfio() const;
  // Modules that would bind to the device when they are loaded: by its alias, and those that NVIDIA's functions are
  // known for.
  [[nodiscard]] std::vector<std::string> competing_modules(const system::PciDevice& device) const;

 private:
  struct One {
    std::vector<std::string> loadable, built_in;  // sorted
    std::string aliases;                          // modules.alias
  };
  std::vector<std::string> kernels_;
  std::vector<One> all_;
};

}  // namespace vgpukit::passthrough
