// Where an archive's entries are written: one folder, that no entry can get out of, whatever its name says.
#pragma once

#include <sys/types.h>
#include <time.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driver/driver.hpp"
#include "support/descriptor.hpp"
#include "support/result.hpp"

namespace vgpukit::driver {

// Every folder on the way to an entry is opened one by one without following links (openat, O_NOFOLLOW), so an entry
// cannot land outside even when an earlier entry made a link. Links themselves must point to a place inside.
class UnpackTarget {
 public:
  // `archive` is what messages call the source. `folder` exists and is empty.
  static Result<UnpackTarget> open(const std::filesystem::path& folder, const std::filesystem::path& archive,
                                   const ExtractLimits& limits);

  // Counts an entry and checks its name; every entry goes through here first. Gives the name's words; none: the target
  // itself
  // ("./").
  Result<std::vector<std::string>> accept(std::string_view name);

  Status add_folder(std::string_view name, const std::vector<std::string>& words);
  Status add_symlink(std::string_view name, const std::vector<std::string>& words, std::string_view link);
  Status add_hardlink(std::string_view name, const std::vector<std::string>& words, std::string_view link);

  // A regular file; what stood there goes away, as with tar. Its data comes through write(), then finish() closes it.
  class File {
   public:
    Status write(const void* data, std::size_t size, std::int64_t offset);
    Status finish(std::int64_t size,
                  const timespec* mtime);  // size: of the whole file, holes at its end too; -1: not known

   private:
    friend class UnpackTarget;
    UnpackTarget* owner = nullptr;
    std::string name;
    Descriptor fd;
    std::uintmax_t end = 0;
  };
  Result<File> add_file(std::string_view name, const std::vector<std::string>& words, mode_t mode);

  // An entry that must not be unpacked: "the entry "x" <why>".
  [[nodiscard]] Error refuse(std::string_view name, const std::string& why) const;

 private:
  UnpackTarget(Descriptor root, std::filesystem::path place, std::filesystem::path archive, ExtractLimits limits)
      : root_(std::move(root)), place_(std::move(place)), archive_(std::move(archive)), limits_(limits) {}
  Result<int> open_parent(std::string_view name, const std::vector<std::string>& words);
  [[nodiscard]] Error system_failure(std::string_view name, int error) const;
  Status grow(std::string_view name, std::uintmax_t& from, std::uintmax_t to);

  Descriptor root_;
  std::filesystem::path place_;  // for messages: where there may be no space
  std::filesystem::path archive_;
  ExtractLimits limits_;
  std::size_t entries_ = 0;
  std::uintmax_t bytes_ = 0;
  std::vector<std::string>
      parent_words_;  // of the folder that parent_ is; archives list a folder's files one after the other
  Descriptor parent_;
};

}  // namespace vgpukit::driver
