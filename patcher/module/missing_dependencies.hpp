// Which modules a kernel's /lib/modules folder really has, through libkmod. A kernel's headers promise symbols of
// modules that a smaller kernel package (Debian's cloud kernel, a stripped embedded one) does not bring along.
#pragma once

#include <vector>

#include "module/module_file.hpp"

namespace vgpukit::module {

// A warning for each module of the kernel that `modules` take symbols from and that /lib/modules/REL has neither as a
// file nor built in. Nothing where that folder has no modules.dep: headers without their kernel are a builder root, not
// a fault.
std::vector<Verdict> missing_dependencies(const std::vector<ModuleFile>& modules, const kernel::Symvers& symvers,
                                          const kernel::Kernel& kernel);

}  // namespace vgpukit::module
