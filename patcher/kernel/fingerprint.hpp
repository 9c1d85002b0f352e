// The identity of a kernel's headers and compiler: the key of everything that is cached about them. Internal to
// kernel/.
#pragma once

#include "kernel/kernel.hpp"

namespace vgpukit::kernel {

// As Facts::fingerprint() promises. The stat index is kept in host.cache/facts; without a writable cache everything is
// read each time.
Result<std::string> fingerprint_of(const Kernel& kernel);

}  // namespace vgpukit::kernel
