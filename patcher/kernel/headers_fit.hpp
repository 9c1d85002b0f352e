// Whether complete headers can be used on this machine. Internal to kernel/.
#pragma once

#include "kernel/kernel.hpp"

namespace vgpukit::kernel {

// Error: missing for headers of another architecture, and for headers whose programs (scripts/basic/fixdep) do not
// start in this root: they were compiled for another architecture or for a newer C library.
Status check_headers_fit(const Kernel& kernel);

}  // namespace vgpukit::kernel
