// A copy of parts of the system, made before they are changed, and their restoration.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit {

// Called before each step that a crash could interrupt, with its name. Tests kill the process in it.
using OnStep = std::function<void(std::string_view)>;

// A path that will be changed: a file, a folder with all that is in it, a link, or nothing yet.
struct SnapshotPath {
  std::string path;  // as the root knows it
  bool there = false;
  std::string above;  // if it was not there: the nearest folder above that was
};

class Snapshot {
 public:
  // Copies what is at `paths` to the same places below `folder` and records which were absent. Contents are shared with
  // the originals if the file system can do that, and never hard-linked: dkms writes into existing files.
  // Error: no_space, denied or missing; `folder` is then incomplete.
  static Result<Snapshot> keep(const HostPaths& host, const std::vector<std::string>& paths,
                               const std::filesystem::path& folder, const OnStep& on_step = {});
  // The list of the paths in `folder`, if the folder is a complete snapshot. 0.1.0 gave that file another name.
  static std::optional<std::filesystem::path> list_in(const std::filesystem::path& folder);
  // Error: usage when the folder is damaged.
  static Result<Snapshot> open(const HostPaths& host, const std::filesystem::path& folder);

  // Restores each path; each is replaced as a whole. May be interrupted and repeated. Folders that were made above a
  // path that was not there are removed if they are empty. Paths that `wanted` refuses are not restored (empty: all
  // are).
  [[nodiscard]] Status restore(const std::function<bool(const std::string&)>& wanted = {},
                               const OnStep& on_step = {}) const;
  // As restore() for a full disk: the copies themselves are moved to their places, so the snapshot is used up. Once
  // begun (is_moving), only this can finish it. May be interrupted and repeated.
  [[nodiscard]] Status move_back(const OnStep& on_step = {}) const;
  [[nodiscard]] bool is_moving() const;

  [[nodiscard]] const std::vector<SnapshotPath>& paths() const { return paths_; }
  [[nodiscard]] std::vector<std::string> names() const;
  // The copy of a path that was there, as we reach it.
  [[nodiscard]] std::filesystem::path copy_of(const std::string& path) const {
    return folder_ / "tree" / path.substr(1);
  }

 private:
  Snapshot(HostPaths host, std::filesystem::path folder) : host_(std::move(host)), folder_(std::move(folder)) {}
  HostPaths host_;
  std::filesystem::path folder_;
  std::vector<SnapshotPath> paths_;
};

}  // namespace vgpukit
