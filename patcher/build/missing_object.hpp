// Builds a driver whose binary object is missing (`build --compile-only`): everything else is compiled and linked, and
// the undefined symbols that the missing object would define are tolerated.
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

// Of the driver's missing binary objects (nvidia-modeset/nv-modeset-kernel.o_binary) those of `modules` (nvidia-modeset
// or nvidia_modeset); all, if that is empty.
std::vector<std::string> missing_objects_of(const driver::Driver& driver, const std::vector<std::string>& modules);

// Writes an empty object file for each missing object (paths relative to `tree`), with the kernel's compiler. Error:
// missing or failed if the compiler cannot be run.
Status place_empty_objects(const kernel::Kernel& kernel, const std::filesystem::path& tree,
                           const std::vector<std::string>& objects);

// The undefined symbols that the driver's missing binary objects would define. A name is one of them if and only if
// - it is undefined in the module that such an object belongs to (nvidia/nv-kernel.o_binary: nvidia), and neither the
//   kernel nor one of the modules exports it;
// - a header of the unpatched driver declares it at file scope as a function or with extern;
// - no source file of the driver defines it (otherwise a forgotten object file would not be found);
// - no header of the kernel mentions it (otherwise a kernel function that is no longer exported would not be found).
// With 525.85.07 these are the same 170 names on six kernels. Error: usage if sources cannot be read.
Result<std::vector<std::string>> names_of_missing_objects(const driver::Driver& driver, const kernel::Kernel& kernel,
                                                          const kernel::Symvers& symvers,
                                                          const std::vector<module::ModuleFile>& modules);

}  // namespace vgpukit::build
