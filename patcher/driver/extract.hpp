// Unpacks archives, or parts of them. libarchive reads, UnpackTarget writes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "driver/unpack_target.hpp"
#include "support/result.hpp"

struct archive;

namespace vgpukit::driver {

// Adds the filters that libarchive has built in. archive_read_support_filter_all() would also run programs (lrzip,
// grzip).
void add_filters(::archive* reader);

// Frees with archive_read_free().
struct FreeArchiveReader {
  void operator()(::archive* reader) const;
};
using ArchiveReader = std::unique_ptr<::archive, FreeArchiveReader>;

// The text of archive_error_string(), safe for a terminal.
std::string error_of(::archive* reader);

// Unpacks an archive (tar or cpio, compressed with gzip, bzip2, xz, lzma, lzip or zstd; zip; 7z) into `target`, which
// does not exist or is an empty folder. It appears whole or not at all. Refused, with the name of the entry: absolute
// paths, "..", symbolic or hard links that leave the target, entries below a symbolic link, devices and sockets, more
// than the limits. Set-id bits, owners and the write permission of others are dropped; times stay. Errors: usage for a
// bad archive (truncated, not an archive, refused entries) or another target (check_output_folder); no_space or missing
// if the target cannot be written; interrupted.
Status extract_archive(const std::filesystem::path& archive, const std::filesystem::path& target,
                       const ExtractLimits& limits = {}, const OnPackage& on_progress = {});

struct Unpacking {
  enum class Take { yes, no, stop };  // stop: neither this entry nor any after it
  // Called for each entry that was not refused; empty: all are wanted.
  std::function<Take(const std::vector<std::string>& words)> wanted;
  OnPackage on_progress;
  ExtractLimits limits;
};

// Unpacks what begins at `offset` of the open file: a compressed tar or cpio archive, or a zip or 7z (offset 0 only).
// After `stop`, the rest of the file is not read. The limits also apply to entries that are not wanted, because reading
// them takes time. Errors: as extract_archive().
Status unpack_from(int fd, std::uint64_t offset, UnpackTarget& target, const std::filesystem::path& named,
                   const Unpacking& how);

// A regular file that is open for reading, and its size.
struct OpenFile {
  Descriptor fd;
  std::uint64_t bytes = 0;
};
// Error: usage, with `tried`, if it cannot be read or is not a regular file.
Result<OpenFile> open_regular_file(const std::filesystem::path& file, std::string tried);
// The same for an archive, with "unpack ARCHIVE". Error: usage, also if it is empty.
Result<OpenFile> open_archive(const std::filesystem::path& archive);

// Whether the file begins as a zip does.
bool is_zip(const std::filesystem::path& file);

}  // namespace vgpukit::driver
