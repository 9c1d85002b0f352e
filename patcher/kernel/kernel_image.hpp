// Looking into a kernel image for a string that the running kernel would print. Internal to kernel/.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kernel/kernel.hpp"

namespace vgpukit::kernel {

// The image of the kernel where this root has a readable one: /boot/vmlinuz-REL, /lib/modules/REL/vmlinuz. As seen from
// inside.
std::optional<std::filesystem::path> find_image(const Kernel& kernel);

// Whether the decompressed image has the string. Nothing when the image cannot be read or decompressed: then it says
// nothing.
std::optional<bool> image_contains(const std::filesystem::path& image, std::string_view text);

}  // namespace vgpukit::kernel
