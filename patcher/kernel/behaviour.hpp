// What a kernel does that no header shows. Internal to kernel/.
#pragma once

#include "kernel/facts.hpp"

namespace vgpukit::kernel {

// Whether symbol_get() refuses symbols that are not exported GPL-only. From the image if there is one, else from the
// version.
Answer symbol_get_is_gpl_only(const Kernel& kernel);

// The part of it that needs no image. For tests.
Answer symbol_get_by_version(const Version& version, std::string_view release);

// What the answer depends on besides the headers: the image's path, size and time. Empty when there is none.
std::string image_identity(const Kernel& kernel);

}  // namespace vgpukit::kernel
