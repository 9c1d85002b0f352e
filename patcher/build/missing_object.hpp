// Compiling a driver whose binary object is not at hand (`build --compile-only`): everything is compiled and linked but
// what that object would define, and exactly those names are tolerated.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "kernel/kernel.hpp"
#include "kernel/symvers.hpp"
#include "module/module_file.hpp"
#include "support/result.hpp"

namespace vgpukit::build {

// Puts an empty object file, made by the kernel's compiler, where each missing one belongs (paths relative to `tree`).
// Error: missing or failed when the compiler cannot be run.
Status place_empty_objects(const kernel::Kernel& kernel, const std::filesystem::path& tree,
                           const std::vector<std::string>& objects);

// The undefined symbols that the driver's missing binary objects would define. A name counts if and only if
// - it is undefined in the module that such an object belongs to (nvidia/nv-kernel.o_binary: nvidia), and neither the
// kernel nor one
//   of the modules exports it;
// - a header of the driver as it came, before recipes, declares it at file scope as a function or with extern;
// - no source file of the driver defines it (a forgotten object file must not pass);
// - no header of the kernel mentions it (a kernel function that is no longer exported must not pass).
// Found so on 525.85.07: the same 170 names on six kernels. Error: usage when sources cannot be read.
Result<std::vector<std::string>> names_of_missing_objects(const driver::Driver& driver, const kernel::Kernel& kernel,
                                                          const kernel::Symvers& symvers,
                                                          const std::vector<module::ModuleFile>& modules);

}  // namespace vgpukit::build
