// A copy of parts of the system, made before they are changed, from which they can be made again as they were.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit {

// Called before each step that a crash could interrupt, with its name. Tests stop the process in it.
using OnStep = std::function<void(std::string_view)>;

// A path that something is about to change: a file, a folder with all that is in it, a link, or nothing yet.
struct SnapshotPath {
  std::string path;  // as the root knows it
  bool there = false;
  std::string above;  // where nothing was there: the nearest folder above that was
};

class Snapshot {
 public:
  // Copies what is at `paths` into `folder` (below it at the same places) and says what was not there. Contents are
  // shared with the originals where the file system can do that, and never linked: dkms writes into files that are
  // there. Error: missing for a full disk; then `folder` is of no use.
  static Result<Snapshot> keep(const HostPaths& host, const std::vector<std::string>& paths,
                               const std::filesystem::path& folder, const OnStep& on_step = {});
  // Error: usage when the folder is damaged.
  static Result<Snapshot> open(const HostPaths& host, const std::filesystem::path& folder);

  // Makes each path what it was; each is swapped in whole. Safe to be cut short and done again. What has been made
  // above a path that was not there goes away where it is empty. Paths that `wanted` refuses are left alone (empty:
  // none).
  [[nodiscard]] Status restore(const std::function<bool(const std::string&)>& wanted = {},
                               const OnStep& on_step = {}) const;
  // As restore(), where that wants space and there is none: the copies themselves are moved to their places, and are of
  // no use afterwards. Where it was begun (is_moving), only this can end it. Safe to be cut short and done again.
  [[nodiscard]] Status move_back(const OnStep& on_step = {}) const;
  [[nodiscard]] bool is_moving() const;
  // Did restore() fail for a full disk?
  static bool is_disk_full(const Error& error);

  [[nodiscard]] const std::vector<SnapshotPath>& paths() const { return paths_; }
  [[nodiscard]] std::vector<std::string> names() const;
  // Where the copy of a path that was there is, as we reach it.
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
