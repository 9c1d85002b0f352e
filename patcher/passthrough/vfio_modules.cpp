#include "passthrough/vfio_modules.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <set>

#include "kernel/modules_folder.hpp"
#include "support/atomic_file.hpp"
#include "support/text.hpp"

namespace vgpukit::passthrough {

namespace {

// The modules of modules.dep ("kernel/drivers/vfio/pci/vfio-pci.ko.xz: ...") or modules.builtin.
std::vector<std::string> names_in(const fs::path& file) {
  std::vector<std::string> names;
  const auto text = read_file(file);
  if (!text) return names;
  for (const auto& line : lines_of(*text))
    if (!line.empty()) names.push_back(kernel::module_name(line.substr(0, line.find(':'))));
  std::sort(names.begin(), names.end());
  return names;
}

bool has_name(const std::vector<std::string>& names, std::string_view name) {
  return std::binary_search(names.begin(), names.end(), name);
}

}  // namespace

InstalledModules InstalledModules::read(const HostPaths& host) {
  InstalledModules modules;
  for (const auto& release : kernel::releases_of(host)) {
    const auto folder = kernel::modules_folder(host, release);
    std::error_code bad;
    if (!folder || !fs::exists(*folder / "modules.dep", bad)) continue;
    const auto aliases = read_file(*folder / "modules.alias");
    modules.kernels_.push_back(release);
    modules.all_.push_back(
        {names_in(*folder / "modules.dep"), names_in(*folder / "modules.builtin"), aliases ? *aliases : std::string()});
  }
  return modules;
}

bool InstalledModules::loadable_somewhere(std::string_view module) const {
  return std::any_of(all_.begin(), all_.end(),
                     [&](const KernelModules& kernel) { return has_name(kernel.loadable, module); });
}

bool InstalledModules::built_in_somewhere(std::string_view module) const {
  return std::any_of(all_.begin(), all_.end(),
                     [&](const KernelModules& kernel) { return has_name(kernel.built_in, module); });
}

bool InstalledModules::everywhere(std::string_view module) const {
  return !all_.empty() && std::all_of(all_.begin(), all_.end(), [&](const KernelModules& kernel) {
    return has_name(kernel.loadable, module) || has_name(kernel.built_in, module);
  });
}

std::vector<std::string> InstalledModules::vfio() const {
  std::vector<std::string> list;
  for (const auto* name : {"vfio_pci", "vfio", "vfio_iommu_type1", "vfio_virqfd"})
    if (everywhere(name) && loadable_somewhere(name)) list.emplace_back(name);
  return list;
}

std::vector<std::string> InstalledModules::competing_modules(const system::PciDevice& device) const {
  std::set<std::string> names;
  // Also modules that are not installed yet: they can come with the next driver or kernel (nova_core since 6.15).
  if (device.is_display() && device.is_nvidia()) names = {"nouveau", "nova_core", "nvidia"};
  // modules.alias lacks the modules that are built in.
  if (!device.driver_module.empty()) names.insert(device.driver_module);
  if (device.class_code >> 8 == 0x0403) names.insert("snd_hda_intel");
  if (device.class_code >> 8 == 0x0c03) names.insert("xhci_pci");
  if (device.class_code >> 8 == 0x0c80 && device.is_nvidia()) names.insert("i2c_nvidia_gpu");
  for (const auto& kernel : all_)
    each_line(kernel.aliases, [&](std::string_view line) {
      if (!line.starts_with("alias pci:")) return;
      const auto blank = line.find(' ', 6);
      if (blank == std::string_view::npos) return;
      if (::fnmatch(std::string(line.substr(6, blank - 6)).c_str(), device.modalias.c_str(), 0) == 0)
        names.insert(kernel::module_name(line.substr(blank + 1)));
    });
  names.erase("vfio_pci");
  return {names.begin(), names.end()};
}

}  // namespace vgpukit::passthrough
