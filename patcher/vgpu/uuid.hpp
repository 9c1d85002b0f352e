// UUIDs of mediated devices, in the one form that the kernel's guid_parse() reads and sysfs shows: 36 characters, small
// letters.
#pragma once

#include <string>
#include <string_view>

#include "support/result.hpp"

namespace vgpukit::vgpu {

[[nodiscard]] bool is_uuid(std::string_view text);
// The text with small letters. Error: usage for anything else than 8-4-4-4-12 hexadecimal digits.
Result<std::string> parse_uuid(std::string_view text);
// A new random one (RFC 9562, version 4) from the kernel's getrandom().
Result<std::string> new_uuid();
// The same for the same name, always (version 8: made from a hash that is not one of the RFC's).
std::string derived_uuid(std::string_view name);

}  // namespace vgpukit::vgpu
