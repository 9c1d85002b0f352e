// Where in a package the kernel module sources are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::driver {

// The folders with conftest.sh and Kbuild, all on the same level: `folder` itself, else the first level below that has
// any, at most four levels down. Links are not followed. Sorted; never empty. `named` is what messages call the folder.
// Error: usage, saying what was found instead (a .run file, an incomplete driver, other files).
Result<std::vector<std::filesystem::path>> find_source_folders(const std::filesystem::path& folder,
                                                               const std::filesystem::path& named);

struct SourceChoice {
  std::filesystem::path chosen;
  std::filesystem::path other;  // the package's other kind of modules; may be empty
};

// Takes the one folder, or of a package's two (closed and open modules) the one that is wanted.
// Error: usage when there are several drivers to choose from.
Result<SourceChoice> choose_source_folder(const std::vector<std::filesystem::path>& folders, bool prefer_open,
                                          const std::filesystem::path& named);

}  // namespace vgpukit::driver
