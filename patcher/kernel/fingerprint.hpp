// The identity of a kernel's headers and compiler: the key for all that is cached about them. Internal to kernel/.
#pragma once

#include "kernel/kernel.hpp"

namespace vgpukit::kernel {

// See Facts::fingerprint(). The stat index is in host.cache/facts; if that cannot be written, all files are read each
// time.
Result<std::string> fingerprint_of(const Kernel& kernel);

}  // namespace vgpukit::kernel
