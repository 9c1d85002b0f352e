// extract_archive: libarchive reads, UnpackTarget writes.
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "driver/driver.hpp"
#include "driver/text.hpp"
#include "driver/unpack_target.hpp"
#include "support/atomic_file.hpp"

namespace vgpukit {

using namespace driver_detail;

namespace {

struct FreeReader {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using Reader = std::unique_ptr<archive, FreeReader>;

constexpr std::size_t kBlock = 1 << 16;

// Only filters that libarchive has in itself: archive_read_support_filter_all() also runs programs (lrzip, grzip).
void add_filters(archive* reader) {
  archive_read_support_filter_gzip(reader);
  archive_read_support_filter_bzip2(reader);
  archive_read_support_filter_xz(reader);
  archive_read_support_filter_lzma(reader);
  archive_read_support_filter_lzip(reader);
  archive_read_support_filter_zstd(reader);
}

// The decompressed bytes of a file. It is separate from the archive reader so that the rest after the last entry can be read as
// well: the checksum of an xz file stands at its end, and a reader of tar stops before it.
class Unfiltered {
 public:
  explicit Unfiltered(int fd) : reader_(archive_read_new()) {
    add_filters(reader_.get());
    archive_read_support_format_raw(reader_.get());
    archive_entry* whole = nullptr;
    ready_ = archive_read_open_fd(reader_.get(), fd, kBlock) == ARCHIVE_OK &&
             archive_read_next_header(reader_.get(), &whole) == ARCHIVE_OK;
  }

  [[nodiscard]] bool ready() const { return ready_; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::string error() const { return error_of(reader_.get()); }

  // Did the last 512 bytes consist of zeros, as the end mark of a tar archive does?
  [[nodiscard]] bool ends_with_zeros() const {
    return std::all_of(tail_.begin(), tail_.end(), [](char c) { return c == 0; });
  }

  // The next block; 0: the end; -1: damaged.
  la_ssize_t next(const void** block) {
    for (;;) {
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int result = archive_read_data_block(reader_.get(), block, &size, &offset);
      if (result == ARCHIVE_EOF) ended_ = true;
      if (result == ARCHIVE_EOF) return 0;
      if (result != ARCHIVE_OK) failed_ = true;
      if (result != ARCHIVE_OK) return -1;
      if (size == 0) continue;
      remember(static_cast<const char*>(*block), size);
      return static_cast<la_ssize_t>(size);
    }
  }

  // Reads to the end. False: damaged.
  bool drain() {
    const void* ignored = nullptr;
    la_ssize_t size = 0;
    do size = next(&ignored);
    while (size > 0);
    return size == 0;
  }

  static std::string error_of(archive* reader) {
    const char* text = archive_error_string(reader);
    return text ? printable(text) : "it cannot be read";
  }

 private:
  void remember(const char* data, std::size_t size) {
    const auto take = std::min(size, tail_.size());
    std::move(tail_.begin() + static_cast<std::ptrdiff_t>(take), tail_.end(), tail_.begin());
    std::copy(data + size - take, data + size, tail_.end() - static_cast<std::ptrdiff_t>(take));
  }

  Reader reader_;
  bool ready_ = false;
  bool ended_ = false;
  bool failed_ = false;
  std::array<char, 512> tail_ = {};
};

la_ssize_t read_unfiltered(archive* reader, void* stream, const void** block) {
  auto* from = static_cast<Unfiltered*>(stream);
  const auto size = from->next(block);
  if (size < 0) archive_set_error(reader, EIO, "%s", from->error().c_str());
  return size;
}

Error bad_archive(const fs::path& archive_path, const std::string& why) {
  return {Exit::usage, "unpack " + archive_path.string(), why, "fetch the file again; nothing was unpacked"};
}

std::string name_of(archive_entry* entry) {
  // The first is empty when the name does not fit the locale.
  if (const char* name = archive_entry_pathname(entry)) return name;
  if (const char* name = archive_entry_pathname_utf8(entry)) return name;
  return {};
}

Status copy_data(archive* reader, archive_entry* entry, UnpackTarget::File& file, const std::string& name,
                 const fs::path& archive_path) {
  for (;;) {
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int result = archive_read_data_block(reader, &block, &size, &offset);
    if (result == ARCHIVE_EOF) break;
    // A warning here is a checksum that does not fit (zip).
    if (result != ARCHIVE_OK)
      return bad_archive(archive_path,
                         "it is damaged or cut off in \"" + printable(name) + "\" (" + Unfiltered::error_of(reader) + ")");
    TRY(file.write(block, size, offset));
  }
  const timespec mtime = {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)};
  return file.finish(archive_entry_size_is_set(entry) ? archive_entry_size(entry) : -1,
                     archive_entry_mtime_is_set(entry) ? &mtime : nullptr);
}

const char* kind_of(mode_t type) {
  switch (type) {
    case AE_IFCHR:
    case AE_IFBLK:
      return "is a device";
    case AE_IFIFO:
      return "is a named pipe";
    case AE_IFSOCK:
      return "is a socket";
    default:
      return "is no file, folder or link";
  }
}

Status unpack_entry(archive* reader, archive_entry* entry, UnpackTarget& target, const fs::path& archive_path) {
  const std::string name = name_of(entry);
  TRY_ASSIGN(const auto words, target.accept(name));
  const char* hardlink = archive_entry_hardlink(entry);
  // Some cpio and pax archives give the bytes again with each hard link; then it is a file.
  const bool has_data = archive_entry_size_is_set(entry) && archive_entry_size(entry) > 0;
  if (hardlink && !has_data) return target.add_hardlink(name, words, hardlink);
  switch (hardlink ? AE_IFREG : archive_entry_filetype(entry)) {
    case AE_IFDIR:
      return target.add_folder(name, words);
    case AE_IFLNK: {
      const char* link = archive_entry_symlink(entry);
      return target.add_symlink(name, words, link ? link : "");
    }
    case AE_IFREG: {
      TRY_ASSIGN(auto file, target.add_file(name, words, archive_entry_perm(entry)));
      return copy_data(reader, entry, file, name, archive_path);
    }
    default:
      return target.refuse(name, kind_of(archive_entry_filetype(entry)));
  }
}

// All entries of an opened reader.
Status unpack_all(archive* reader, UnpackTarget& target, const fs::path& archive_path) {
  std::string last;
  for (;;) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(reader, &entry);
    if (result == ARCHIVE_EOF) break;
    // A warning is a name that does not fit the locale; the entry is there.
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
      const std::string why = Unfiltered::error_of(reader);
      if (last.empty()) return bad_archive(archive_path, "it is no archive, or a damaged one (" + why + ")");
      return bad_archive(archive_path, "it is damaged or cut off after \"" + printable(last) + "\" (" + why + ")");
    }
    TRY(unpack_entry(reader, entry, target, archive_path));
    last = name_of(entry);
  }
  if (last.empty()) return bad_archive(archive_path, "it has no entries");
  return {};
}

// zip and 7z keep their table of contents at the end, so they have to be read with seeks; they have their own checksums.
Status unpack_seekable(int fd, UnpackTarget& target, const fs::path& archive_path) {
  const Reader reader(archive_read_new());
  archive_read_support_format_zip(reader.get());
  archive_read_support_format_7zip(reader.get());
  if (archive_read_open_fd(reader.get(), fd, kBlock) != ARCHIVE_OK)
    return bad_archive(archive_path, "it is no archive, or a damaged one (" + Unfiltered::error_of(reader.get()) + ")");
  return unpack_all(reader.get(), target, archive_path);
}

Status unpack_stream(int fd, UnpackTarget& target, const fs::path& archive_path) {
  Unfiltered bytes(fd);
  if (!bytes.ready()) return bad_archive(archive_path, "it is damaged (" + bytes.error() + ")");
  const Reader reader(archive_read_new());
  // Not "all" formats: mtree would read files that the archive only names.
  archive_read_support_format_tar(reader.get());
  archive_read_support_format_cpio(reader.get());
  if (archive_read_open(reader.get(), &bytes, nullptr, read_unfiltered, nullptr) != ARCHIVE_OK)
    return bad_archive(archive_path, "it is no archive, or a damaged one (" + Unfiltered::error_of(reader.get()) + ")");
  TRY(unpack_all(reader.get(), target, archive_path));
  // libarchive takes a tar archive that was cut between two entries for a whole one.
  const bool is_tar = (archive_format(reader.get()) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR;
  if (is_tar && bytes.ended() && !bytes.ends_with_zeros())
    return bad_archive(archive_path, "it is cut off: the end mark of the archive is missing");
  if (!bytes.ended() && !bytes.drain())
    return bad_archive(archive_path, "its end is damaged or cut off, so nothing in it can be trusted (" + bytes.error() + ")");
  return {};
}

bool starts_like_seekable(int fd) {
  std::array<char, 6> magic = {};
  if (::pread(fd, magic.data(), magic.size(), 0) != static_cast<ssize_t>(magic.size())) return false;
  return std::memcmp(magic.data(), "PK\x03\x04", 4) == 0 || std::memcmp(magic.data(), "7z\xbc\xaf\x27\x1c", 6) == 0;
}

}  // namespace

Status extract_archive(const fs::path& archive_path, const fs::path& target, const ExtractLimits& limits) {
  const std::string tried = "unpack " + archive_path.string();
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(target, ignored)))
    return Error{Exit::usage, tried, target.string() + " is there already", "remove it or name another folder"};
  const Descriptor fd(::open(archive_path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return Error{Exit::usage, tried, std::generic_category().message(errno), ""};
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return Error{Exit::usage, tried, "it is not a regular file", ""};
  if (info.st_size == 0) return bad_archive(archive_path, "the file is empty");

  TRY_ASSIGN(auto staged, StagedFolder::beside(target));
  TRY_ASSIGN(auto unpacked, UnpackTarget::open(staged.path(), archive_path, limits));
  if (starts_like_seekable(fd.get())) {
    TRY(unpack_seekable(fd.get(), unpacked, archive_path));
  } else {
    TRY(unpack_stream(fd.get(), unpacked, archive_path));
  }
  return staged.commit(false);  // it can be unpacked again
}

}  // namespace vgpukit
