// Verifies the modules of a build for its report.
#pragma once

#include <filesystem>
#include <vector>

#include "build/build_report.hpp"
#include "driver/driver.hpp"
#include "kernel/facts.hpp"
#include "module/module_file.hpp"
#include "support/result.hpp"

namespace vgpukit::build {

// Reads and verifies the modules that make built. Adds errors and warnings to the report. Returns whether the kernel
// would load all of them.
Result<bool> verify_into(BuildReport& report, kernel::Facts& facts, const driver::Driver& driver,
                         const std::vector<std::filesystem::path>& files, std::vector<module::ModuleFile>& modules);

}  // namespace vgpukit::build
