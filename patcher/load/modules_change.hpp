// What modules.cpp and modules_unload.cpp share.
#pragma once

#include "load/load_modules.hpp"

namespace vgpukit::load {

// Error: missing for who is not root, usage for another root folder.
Status may_change_modules(const ModuleTools& tools, const std::string& tried);
Result<FileLock> lock_modules(const ModuleTools& tools);
// The lock is held.
LoadReport load_planned(const ModuleTools& tools, const LoadPlan& plan);

}  // namespace vgpukit::load
