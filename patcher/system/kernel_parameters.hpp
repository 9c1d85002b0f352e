// The kernel's command line, split as the kernel does it (lib/cmdline.c, next_arg): blanks separate parameters, but not
// inside double quotes. A quote can be before the name or before the value. '-' and '_' in a name are the same.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vgpukit::system {

struct KernelParameter {
  std::string name;
  std::optional<std::string> value;  // without quotes; nothing if there is no '='
  std::string text;                  // as written
};

class KernelParameters {
 public:
  KernelParameters() = default;
  explicit KernelParameters(std::string_view line);

  // In their order, without what follows "--": that belongs to init.
  [[nodiscard]] const std::vector<KernelParameter>& all() const { return all_; }
  // The last parameter of that name, which is the one that counts, or null.
  [[nodiscard]] const KernelParameter* find(std::string_view name) const;
  // The parameter of that name that has this value, also as one of several ("pci=nomsi,noaer" has "nomsi"), or null.
  [[nodiscard]] const KernelParameter* with(std::string_view name, std::string_view value) const;

 private:
  std::vector<KernelParameter> all_;
};

// The parameters that turn the IOMMU on, for this /proc/cpuinfo. None on AMD: its IOMMU is on if the firmware offers
// it.
std::vector<std::string> iommu_parameters(std::string_view cpuinfo);
// Name and value of the parameters that turn it off.
inline constexpr std::pair<const char*, const char*> iommu_off[] = {
    {"intel_iommu", "off"}, {"amd_iommu", "off"}, {"iommu", "off"}};

}  // namespace vgpukit::system
