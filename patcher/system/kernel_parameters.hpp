// The kernel's command line, split as the kernel does it (lib/cmdline.c, next_arg): blanks part words but not inside
// double quotes, a quote may stand before the name or the value, and '-' and '_' in a name are the same.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vgpukit::system {

struct KernelParameter {
  std::string name;
  std::optional<std::string> value;  // without quotes; nothing for a word without '='
  std::string text;                  // as it stands
};

class KernelParameters {
 public:
  KernelParameters() = default;
  explicit KernelParameters(std::string_view line);

  // In their order. What stands after "--" is init's and is left out.
  [[nodiscard]] const std::vector<KernelParameter>& all() const { return all_; }
  // The last of that name: the kernel lets it win.
  [[nodiscard]] const KernelParameter* find(std::string_view name) const;
  // Whether one of that name has this value, also as one of several ("pci=nomsi,noaer" has "nomsi"). The parameter
  // itself, or null.
  [[nodiscard]] const KernelParameter* with(std::string_view name, std::string_view value) const;

 private:
  std::vector<KernelParameter> all_;
};

}  // namespace vgpukit::system
