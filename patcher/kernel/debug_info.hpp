// Debug information in modules: what make is told about it, and why.
#pragma once

#include <string>
#include <vector>

#include "kernel/kernel.hpp"

namespace vgpukit::kernel {

struct DebugInfo {
  enum class Kind {
    none,            // not compiled: a module loads without it
    while_building,  // compiled, because this kernel's build reads it, and removed when a module is linked; no BTF
    as_configured    // as plain make does it, BTF too
  };
  Kind kind = Kind::none;
  std::string why;  // the error of a module's build with less of it; empty if nothing failed or the user asks for it
};

// A variable on make's command line that a plain `make modules` would not have.
struct MakeVariable {
  std::string text;  // "CONFIG_DEBUG_INFO="
  std::string reason;
};

// The options are those of the kernel's own configuration, because their names differ: CONFIG_DEBUG_INFO_DWARF4 alone
// adds -gdwarf-4 in 4.18. A variable on the command line overrides auto.conf in every sub-make.
std::vector<MakeVariable> debug_info_variables(const Kernel& kernel, const DebugInfo& debug_info);

}  // namespace vgpukit::kernel
