#pragma once

#include <vector>

#include "kernel/kernel.hpp"
#include "kernel/symvers.hpp"
#include "module/loader_check.hpp"

namespace vgpukit::module {

// A warning for each module of the kernel that `modules` import symbols from and that /lib/modules/RELEASE has neither
// as a file nor built in. Module.symvers also lists modules that a smaller kernel package (Debian's cloud kernel) does
// not contain. Empty if the folder has no modules.dep: a builder root has headers without their kernel.
std::vector<Verdict> missing_dependencies(const std::vector<ModuleFile>& modules, const kernel::Symvers& symvers,
                                          const kernel::Kernel& kernel);

}  // namespace vgpukit::module
