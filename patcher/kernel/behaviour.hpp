// Behaviour of a kernel that no header shows. Internal to kernel/.
#pragma once

#include "kernel/facts.hpp"

namespace vgpukit::kernel {

// Whether symbol_get() refuses symbols that are not GPL-only: read from the image if there is one, else by version.
Answer symbol_get_is_gpl_only(const Kernel& kernel);

// The answer by version. For tests.
Answer symbol_get_by_version(const Version& version, std::string_view release);

// The image's path, size and time, on which the answer depends besides the headers. Empty when there is no image.
std::string image_identity(const Kernel& kernel);

}  // namespace vgpukit::kernel
