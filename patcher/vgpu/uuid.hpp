// UUIDs of mediated devices, in the form of the kernel's guid_parse() and of sysfs: 36 characters, lower case.
#pragma once

#include <string>
#include <string_view>

#include "support/result.hpp"

namespace vgpukit::vgpu {

[[nodiscard]] bool is_uuid(std::string_view text);
// The text in lower case. Error: usage, unless it has 8-4-4-4-12 hexadecimal digits.
Result<std::string> parse_uuid(std::string_view text);
// A new random one (RFC 9562, version 4) from the kernel's getrandom().
Result<std::string> new_uuid();
// The same for the same name (version 8: from a hash that is not one of the RFC's).
std::string derived_uuid(std::string_view name);

}  // namespace vgpukit::vgpu
