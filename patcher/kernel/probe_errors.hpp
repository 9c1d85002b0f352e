// Why the kernel's build could not make an empty module: a sentence for each known cause.
#pragma once

#include <string>
#include <string_view>

#include "kernel/kernel.hpp"

namespace vgpukit::kernel {

// `output`: of the failed make. Error: missing if something has to be installed (another compiler, a tool, headers
// whose programs start here), failed if the compiler crashed or the cause is not known.
Error probe_error(const Kernel& kernel, std::string_view output);

// Up to four lines of the output with an error. The lines of make itself are used only if there is no other.
std::string error_lines(std::string_view output);

}  // namespace vgpukit::kernel
