// Whether a kernel's Module.symvers is the one of that kernel. Modules that are built with another one have other
// checksums than the kernel compares, and a comparison with the same Module.symvers does not show that.
#pragma once

#include <optional>
#include <string>

#include "kernel/kernel.hpp"
#include "kernel/symvers.hpp"

namespace vgpukit::module {

struct SymversProblem {
  std::string message, hint;
};

// Only for a kernel with CONFIG_MODVERSIONS. Compares with a module of the kernel itself in /lib/modules; if none is
// installed, only the presence of checksums is checked.
std::optional<SymversProblem> symvers_problem(const kernel::Kernel& kernel, const kernel::Symvers& symvers);

}  // namespace vgpukit::module
