// Searches a kernel image for a message of the kernel. Internal to kernel/.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kernel/kernel.hpp"

namespace vgpukit::kernel {

// The readable image of the kernel, as seen from inside the root: /boot/vmlinuz-REL or /lib/modules/REL/vmlinuz.
std::optional<std::filesystem::path> find_image(const Kernel& kernel);

// Whether the decompressed image has the text. Nothing when the image cannot be read or decompressed.
std::optional<bool> image_contains(const std::filesystem::path& image, std::string_view text);

}  // namespace vgpukit::kernel
