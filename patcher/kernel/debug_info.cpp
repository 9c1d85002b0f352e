#include "kernel/debug_info.hpp"

namespace vgpukit::kernel {

std::vector<MakeVariable> debug_info_variables(const Kernel& kernel, const DebugInfo& debug_info) {
  std::vector<MakeVariable> variables;
  if (debug_info.kind == DebugInfo::Kind::as_configured) return variables;
  const bool none = debug_info.kind == DebugInfo::Kind::none;
  const std::string prefix = none ? "CONFIG_DEBUG_INFO" : "CONFIG_DEBUG_INFO_BTF";
  const std::string reason = none ? "a module loads without debug information, and compiling it takes longer"
                                  : "a module loads without BTF, and pahole fails on binary objects";
  for (auto option = kernel.config.lower_bound(prefix);
       option != kernel.config.end() && option->first.starts_with(prefix); ++option)
    variables.push_back({option->first + "=", reason});
  if (!none)
    variables.push_back(
        {"LDFLAGS_MODULE=--strip-debug",
         "this kernel's build needs debug information and a finished module does not; without it: " + debug_info.why});
  return variables;
}

}  // namespace vgpukit::kernel
