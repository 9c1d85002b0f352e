// Finds the kernel module sources in a package.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::driver {

// The folders with conftest.sh and Kbuild on one level: `folder` itself, otherwise the first level below that has any,
// at most four levels down. Links are not followed. Sorted; never empty. `named` is the folder's name for messages.
// Error: usage, with what was found instead (a .run file, an incomplete driver, other files).
Result<std::vector<std::filesystem::path>> find_source_folders(const std::filesystem::path& folder,
                                                               const std::filesystem::path& named);

struct SourceChoice {
  std::filesystem::path chosen;
  std::filesystem::path other;  // the package's other kind of modules; may be empty
};

// Takes the only folder, or of a package's two (closed and open modules) the one that `prefer_open` chooses. Error:
// usage if there are several drivers.
Result<SourceChoice> choose_source_folder(const std::vector<std::filesystem::path>& folders, bool prefer_open,
                                          const std::filesystem::path& named);

}  // namespace vgpukit::driver
