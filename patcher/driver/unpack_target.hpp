// Writes an archive's entries to one folder. No entry can be written outside of it.
#pragma once

#include <sys/types.h>
#include <time.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/descriptor.hpp"
#include "support/result.hpp"

namespace vgpukit::driver {

struct ExtractLimits {
  std::uintmax_t bytes = 4ULL << 30;  // of all files together
  std::size_t entries = 200'000;
};

// Every folder of an entry's path is opened one by one without following links (openat, O_NOFOLLOW), so that an earlier
// entry that is a link cannot redirect a later one. Links themselves must point to a place inside.
class UnpackTarget {
 public:
  // `archive` is the name of the source for messages. `folder` exists and is empty.
  static Result<UnpackTarget> open(const std::filesystem::path& folder, const std::filesystem::path& archive,
                                   const ExtractLimits& limits);

  // Counts an entry and checks its name; called first for every entry. Returns the words of its path; none for the
  // target itself ("./").
  Result<std::vector<std::string>> accept(std::string_view name);

  Status add_folder(std::string_view name, const std::vector<std::string>& words);
  Status add_symlink(std::string_view name, const std::vector<std::string>& words, std::string_view link);
  Status add_hardlink(std::string_view name, const std::vector<std::string>& words, std::string_view link);

  // A regular file; it replaces a file or link of that name, as tar does. write() takes its data, finish() ends it.
  class File {
   public:
    Status write(const void* data, std::size_t size, std::int64_t offset);
    // `size`: of the whole file, with a hole at its end; -1: not known.
    Status finish(std::int64_t size, const timespec* mtime);

   private:
    friend class UnpackTarget;
    UnpackTarget* owner = nullptr;
    std::string name;
    Descriptor fd;
    std::uintmax_t end = 0;
  };
  Result<File> add_file(std::string_view name, const std::vector<std::string>& words, mode_t mode);

  // The error for an entry that must not be unpacked: "the entry "x" WHY".
  [[nodiscard]] Error refuse(std::string_view name, const std::string& why) const;

 private:
  UnpackTarget(Descriptor root, std::filesystem::path place, std::filesystem::path archive, ExtractLimits limits)
      : root_(std::move(root)), place_(std::move(place)), archive_(std::move(archive)), limits_(limits) {}
  Result<int> open_parent(std::string_view name, const std::vector<std::string>& words);
  [[nodiscard]] Error system_failure(std::string_view name, int error) const;
  Status grow(std::string_view name, std::uintmax_t& from, std::uintmax_t to);

  Descriptor root_;
  std::filesystem::path place_;  // the folder above, for messages
  std::filesystem::path archive_;
  ExtractLimits limits_;
  std::size_t entries_ = 0;
  std::uintmax_t bytes_ = 0;
  // The folder of the last entry, because archives list the files of a folder one after the other.
  std::vector<std::string> parent_words_;
  Descriptor parent_;
};

}  // namespace vgpukit::driver
