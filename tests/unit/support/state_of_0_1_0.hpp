// The names that vgpukit 0.1.0 gave to its files on disk.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vgpukit::test {

// Renames snapshot-N/snapshot.json below `folder` to kept-N/kept.json. Their contents are the same in both versions.
inline void name_as_0_1_0(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().filename().string().starts_with("snapshot")) found.push_back(entry.path());
  // The last first: a folder is renamed after its contents.
  for (auto path = found.rbegin(); path != found.rend(); ++path) {
    const auto name = path->filename().string();
    fs::rename(*path, path->parent_path() / ("kept" + name.substr(std::string("snapshot").size())));
  }
}

}  // namespace vgpukit::test
