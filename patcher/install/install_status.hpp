// Has a kernel the installed driver's modules, and are they for it?
#pragma once

#include <string>
#include <vector>

#include "install/transaction.hpp"
#include "kernel/modules_folder.hpp"
#include "support/host_paths.hpp"

namespace vgpukit::install {

// Why the kernel has no working driver of this record, from the modules' own words; empty when it has. `there`:
// modules_there() of this kernel.
std::string module_problem(const HostPaths& host, const std::string& release, const InstallRecord& record,
                           const std::vector<kernel::InstalledModuleFile>& there);

}  // namespace vgpukit::install
