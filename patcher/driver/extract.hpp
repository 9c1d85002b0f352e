// Unpacking a part of an archive. libarchive reads, UnpackTarget writes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "driver/unpack_target.hpp"
#include "support/result.hpp"

struct archive;

namespace vgpukit::driver {

// Only filters that libarchive has in itself: archive_read_support_filter_all() also runs programs (lrzip, grzip).
void add_filters(::archive* reader);

// What archive_error_string() says, safe for a terminal.
std::string error_of(::archive* reader);

struct Unpacking {
  enum class Take { yes, no, stop };  // stop: neither this entry nor any after it
  std::function<Take(const std::vector<std::string>& words)>
      wanted;  // asked for each entry that was not refused; empty: yes
  OnPackage on_progress;
  ExtractLimits limits;
};

// Unpacks what begins at `offset` of the open file: a compressed tar or cpio archive, or a zip or 7z (offset 0 only).
// With `stop`, the end of the file is not looked at. Errors: as extract_archive(); failed when interrupted. The limits
// are also kept for entries that are not wanted: reading them costs time.
Status unpack_from(int fd, std::uint64_t offset, UnpackTarget& target, const std::filesystem::path& named,
                   const Unpacking& how);

// A file that is open for reading, and its size.
struct ArchiveFile {
  Descriptor fd;
  std::uint64_t bytes = 0;
};
// Error: usage when it cannot be read, is no regular file, or is empty.
Result<ArchiveFile> open_archive(const std::filesystem::path& archive);

// The words of an entry's name as a path: "kernel/nvidia/nv.c".
std::string joined(const std::vector<std::string>& words);

// Do the file's first bytes say that it is a zip?
bool is_zip(const std::filesystem::path& file);

}  // namespace vgpukit::driver
