// A folder that a user names for output: vgpukit deletes nothing in it that vgpukit did not make.
#pragma once

#include <filesystem>
#include <string>

#include "support/result.hpp"

namespace vgpukit {

// The name of something in `folder` that vgpukit did not make; empty where it made all of it.
using ForeignEntry = std::string (*)(const std::filesystem::path& folder);

// May vgpukit put a folder at `folder`? It may where nothing is, where an empty folder is, and where `foreign` finds
// nothing. A symbolic link is not followed. `tried` as in Error. Error: usage for a file, a link, or a folder with
// something in it; missing where it cannot be read.
Status check_output_folder(const std::filesystem::path& folder, const std::string& tried,
                           ForeignEntry foreign = nullptr);

}  // namespace vgpukit
