// What the errno of a refused write to sysfs means.
#pragma once

#include <string>

#include "support/result.hpp"

namespace vgpukit::vgpu {

enum class SysfsWrite { create, set_type, set_attribute, remove, make_functions };

// `error`: an errno of Sysfs::write.
Error explain_write_error(int error, std::string tried, SysfsWrite request);

}  // namespace vgpukit::vgpu
