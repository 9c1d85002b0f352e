// Checks a folder that the user names for output. vgpukit deletes only what vgpukit made.
#pragma once

#include <filesystem>
#include <string>

#include "support/result.hpp"

namespace vgpukit {

// The name of an entry of `folder` that vgpukit did not make; empty when it made all of them.
using ForeignEntry = std::string (*)(const std::filesystem::path& folder);

// Whether vgpukit may put a folder at `folder`: nothing is there, or an empty folder, or one in which `foreign` finds
// nothing. A symbolic link is not followed. `tried` is that of the Error. Error: usage for a file, a link, or a folder
// that is not empty; missing when it cannot be read.
Status check_output_folder(const std::filesystem::path& folder, const std::string& tried,
                           ForeignEntry foreign = nullptr);

}  // namespace vgpukit
