// A file or a folder appears whole or not at all: written beside, synced, renamed. A destructor never commits (ccache's
// AtomicFile).
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "support/result.hpp"

namespace vgpukit {

namespace fs = std::filesystem;

// Reads a whole file. Error: usage when it is absent or unreadable (with the system's reason).
Result<std::string> read_file(const fs::path& path);

// Replaces `path` with `text`, or leaves what was there. Parent folders are made. `mode` as for chmod.
// Error: missing when the disk is full or the place is read-only (the system's reason is in `why`).
Status write_file(const fs::path& path, std::string_view text, unsigned mode = 0644);

// Copies one file to a name that is not taken yet, with its permissions (no set-id bits) and times. The bytes are
// shared where the file system can do that (btrfs, XFS); never a hard link: whoever can write to the original could
// then change the copy. Parent folders are made. On failure nothing is left at `to`. Error: usage when `from` cannot be
// read, missing for a full disk or a read-only place.
Status clone_file(const fs::path& from, const fs::path& to);

// A folder that is removed again unless commit() moves it to its final place.
class StagedFolder {
 public:
  // Makes an empty folder next to `target` (same file system, so that the rename is atomic).
  static Result<StagedFolder> beside(const fs::path& target);
  StagedFolder(StagedFolder&&) noexcept;
  StagedFolder& operator=(StagedFolder&&) noexcept;
  ~StagedFolder();  // removes what was not committed

  [[nodiscard]] const fs::path& path() const { return path_; }
  // Puts the folder at the target; what was there is swapped out and removed. `durable` syncs the file system first, so
  // that it survives a power cut; a folder that can be made again need not. `may_replace` is asked right before
  // something at the target is swapped out; its error leaves the target as it is. Error: missing, as for write_file.
  Status commit(bool durable = true, const std::function<Status()>& may_replace = {});

 private:
  StagedFolder(fs::path path, fs::path target) : path_(std::move(path)), target_(std::move(target)) {}
  fs::path path_;
  fs::path target_;
};

// An advisory lock (flock) on a file, held until destruction. The kernel drops it when the process dies.
class FileLock {
 public:
  // Waits until the lock is free. `on_wait` is called once if it is not free at once ("another vgpukit builds this
  // tree").
  template <class F>
  static Result<FileLock> acquire(const fs::path& path, F on_wait) {
    auto first = try_acquire(path);
    if (!first || first->held()) return first;
    on_wait();
    return wait(path);
  }
  static Result<FileLock> try_acquire(const fs::path& path);  // does not wait: held() tells
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileLock();
  [[nodiscard]] bool held() const { return fd_ >= 0; }
  // The programs that this process runs hold it from now on, too: whoever waits for it waits until they have ended.
  void share_with_children() const;

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  static Result<FileLock> wait(const fs::path& path);
  int fd_ = -1;
};

}  // namespace vgpukit
