// Files and folders that appear whole or not at all: they are written beside their place, synced and renamed. A
// destructor never commits (the model is ccache's AtomicFile).
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/descriptor.hpp"
#include "support/limits.hpp"
#include "support/result.hpp"

namespace vgpukit {

namespace fs = std::filesystem;

// Reads a whole file of at most `most` bytes. A device or a named pipe is an error: it may have no end, or never
// answer. Error: usage when it is absent, unreadable (with the system's reason), or one of these.
Result<std::string> read_file(const fs::path& path, std::size_t most = limits::file_bytes);

// Opens a file for reading, as read_file() does: a device or a named pipe is refused and never waited for. Error:
// usage.
Result<Descriptor> open_to_read(const fs::path& path);

// Replaces `path` with `text`, or leaves it unchanged. Parent folders are made. `mode` as for chmod.
// Error: no_space, denied, or missing for another reason of the system.
Status write_file(const fs::path& path, std::string_view text, unsigned mode = 0644);

// The same, with the owner and the mode of the file that is there. `mode_of_new`: if there is none.
Status replace_file(const fs::path& path, std::string_view text, unsigned mode_of_new = 0644);

// Copies a regular file to a new name, with its permissions (no set-id bits) and times. The bytes are shared if the
// file system can do that (btrfs, XFS). It is never a hard link: a write to the original would change the copy. Parent
// folders are made. On failure nothing is at `to`. Error: usage when `from` cannot be read; otherwise as for
// write_file.
Status clone_file(const fs::path& from, const fs::path& to);
// The same, and the copy has the owner of the original.
Status copy_with_owner(const fs::path& from, const fs::path& to);
// The same as clone_file() for the file `path` of a package in `folder`. A link that leaves the folder is an error:
// usage.
Status clone_beneath(const fs::path& folder, const fs::path& path, const fs::path& to);

// Sixteen hexadecimal digits that nobody can foresee.
std::string random_word();

// What is in a folder, sorted; nothing when it is absent or cannot be read.
std::vector<fs::path> entries_of(const fs::path& folder);

// Removes what killed processes have left beside `path`: temporary files and folders for it that no process holds.
void remove_leftovers(const fs::path& path);

// A folder that the destructor removes unless commit() has moved it to its place.
class StagedFolder {
 public:
  // Makes an empty folder next to `target` (same file system, so that the rename is atomic), and removes what killed
  // processes have left there for it.
  static Result<StagedFolder> beside(const fs::path& target);
  StagedFolder(StagedFolder&&) noexcept;
  StagedFolder& operator=(StagedFolder&&) noexcept;
  ~StagedFolder();  // removes what was not committed

  [[nodiscard]] const fs::path& path() const { return path_; }
  // A path of the same folder for this process alone. It stays valid if somebody else moves the folder away, so nothing
  // that is written below it can reach another place. For folders that another user may own the parent of.
  [[nodiscard]] fs::path held_path() const;
  // Puts the folder at the target and removes what was there. `durable` syncs the file system first, so that the folder
  // survives a power cut. `may_replace` is called before something at the target is replaced; its error leaves the
  // target unchanged. Error: as for write_file.
  Status commit(bool durable = true, const std::function<Status()>& may_replace = {});

 private:
  StagedFolder(fs::path path, fs::path target, Descriptor parent, Descriptor self)
      : path_(std::move(path)), target_(std::move(target)), parent_(std::move(parent)), self_(std::move(self)) {}
  fs::path path_;
  fs::path target_;
  Descriptor parent_;  // the folder that holds both
  Descriptor self_;    // locked: others see that it is in use
};

// An advisory lock (flock) on a file, held until destruction. The kernel releases it when the process dies. The file
// stays: whoever removed it would let a second process lock a new file of the same name.
class FileLock {
 public:
  // Waits until the lock is free. `on_wait` is called once, if another process holds the lock.
  template <class F>
  static Result<FileLock> acquire(const fs::path& path, F on_wait) {
    auto first = try_acquire(path);
    if (!first || first->held()) return first;
    on_wait();
    return wait(path);
  }
  static Result<FileLock> try_acquire(const fs::path& path);  // does not wait; see held()
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileLock();
  [[nodiscard]] bool held() const { return fd_ >= 0; }
  // Programs that this process starts from now on hold the lock, too, until they end.
  void share_with_children() const;

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  static Result<FileLock> wait(const fs::path& path);
  int fd_ = -1;
};

}  // namespace vgpukit
