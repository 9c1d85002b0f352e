#include "driver/extract.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <system_error>

#include "support/atomic_file.hpp"
#include "support/interrupt.hpp"
#include "support/output_folder.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::driver {

namespace {

constexpr std::size_t kArchiveBlock = 1 << 16;

// The most bytes of a tar archive's headers for one entry.
constexpr std::uintmax_t kEntryHeaders = 4096;

// One pass over an archive: its name for messages, what is wanted, and the error that did not come from libarchive.
struct Run {
  const fs::path& named;
  const Unpacking& how;
  std::uint64_t file_bytes = 0;
  archive* counted = nullptr;  // the reader that reads the file itself
  std::optional<Error> refusal = std::nullopt;

  // Called for each block. False: stop; `refusal` has the reason.
  bool goes_on() {
    if (Interrupt::caught() != 0)
      refusal = Error{ErrorKind::interrupted, "unpack " + named.string(), "interrupted", ""};
    if (how.on_progress && counted)
      how.on_progress({"unpacking", static_cast<std::uint64_t>(archive_filter_bytes(counted, -1)), file_bytes});
    return !refusal;
  }
};

// The decompressed bytes of a file. It is separate from the archive reader, so that the bytes after the last entry can
// be read as well: the checksum of an xz file is at its end, and the reader of a tar archive stops before it.
class Unfiltered {
 public:
  Unfiltered(int fd, Run& run) : reader_(archive_read_new()), run_(run) {
    run.counted = reader_.get();
    add_filters(reader_.get());
    archive_read_support_format_raw(reader_.get());
    archive_entry* whole = nullptr;
    ready_ = archive_read_open_fd(reader_.get(), fd, kArchiveBlock) == ARCHIVE_OK &&
             archive_read_next_header(reader_.get(), &whole) == ARCHIVE_OK;
  }

  [[nodiscard]] bool ready() const { return ready_; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::string error() const { return error_of(reader_.get()); }

  // Whether the last 512 bytes are zeros, as the end mark of a tar archive is.
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
      if (!within_limits(size) || !run_.goes_on()) return -1;
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

 private:
  // UnpackTarget counts the bytes that are written. This counts the bytes that are read, including entries that are not
  // wanted and the bytes after the last entry.
  bool within_limits(std::size_t size) {
    const auto& limits = run_.how.limits;
    bytes_ += size;
    if (bytes_ <= limits.bytes + limits.entries * kEntryHeaders) return true;
    run_.refusal = Error{ErrorKind::usage, "unpack " + run_.named.string(),
                         "it exceeds the limit of " + std::to_string(limits.bytes) + " unpacked bytes",
                         "nothing was unpacked; no driver package is that large, so do not use the file"};
    return false;
  }

  void remember(const char* data, std::size_t size) {
    const auto take = std::min(size, tail_.size());
    std::move(tail_.begin() + static_cast<std::ptrdiff_t>(take), tail_.end(), tail_.begin());
    std::copy(data + size - take, data + size, tail_.end() - static_cast<std::ptrdiff_t>(take));
  }

  ArchiveReader reader_;
  Run& run_;
  std::uintmax_t bytes_ = 0;
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
  return {ErrorKind::usage, "unpack " + archive_path.string(), why, "fetch the file again; nothing was unpacked"};
}

// What a browser, curl or git saves in place of a package: its error. Nothing if the file does not begin like that.
std::optional<Error> saved_text(const fs::path& file, std::string_view head) {
  if (head.starts_with("\xef\xbb\xbf")) head.remove_prefix(3);
  std::string begin;
  for (const char each : head.substr(std::min(head.find_first_not_of(white_space), head.size())))
    begin += static_cast<char>(std::tolower(static_cast<unsigned char>(each)));
  const auto error = [&](const char* why, const char* next) {
    return Error{ErrorKind::usage, "unpack " + file.string(), why, next};
  };
  if (begin.starts_with("<!doctype html") || begin.starts_with("<html") || begin.starts_with("<head") ||
      (begin.starts_with("<!--") && contains(begin, "<html")) ||
      (begin.starts_with("<?xml") && contains(begin, "<html")))
    return error(
        "it is an HTML page, not a package: the download needed a login, or led to an error page",
        "log in with a browser (NVIDIA's portal for vGPU packages) and download it again; open the file with a "
        "browser to see what the server said");
  if (begin.starts_with("<?xml") || begin.starts_with("{\"") || begin.starts_with("accessdenied"))
    return error("it is the answer of a server in XML or JSON, not a package: the download was refused",
                 "read the file to see what the server said; download it again, with a login if it needs one");
  if (begin.starts_with("version https://git-lfs"))
    return error("it is a pointer of Git LFS, not the package", "fetch it with git lfs pull");
  return std::nullopt;
}

std::string name_of(archive_entry* entry) {
  // The first one is null if the name does not fit the locale.
  if (const char* name = archive_entry_pathname(entry)) return name;
  if (const char* name = archive_entry_pathname_utf8(entry)) return name;
  return {};
}

Status copy_data(archive* reader, archive_entry* entry, UnpackTarget::File& file, const std::string& name, Run& run) {
  for (;;) {
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int result = archive_read_data_block(reader, &block, &size, &offset);
    if (result == ARCHIVE_EOF) break;
    // A warning here is a wrong checksum (zip).
    if (result != ARCHIVE_OK && !run.refusal)
      return bad_archive(run.named,
                         "it is damaged or cut off in \"" + printable(name) + "\" (" + error_of(reader) + ")");
    if (run.refusal || !run.goes_on()) return *run.refusal;
    TRY(file.write(block, size, offset));
  }
  const timespec mtime = {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)};
  return file.finish(archive_entry_size_is_set(entry) ? archive_entry_size(entry) : -1,
                     archive_entry_mtime_is_set(entry) ? &mtime : nullptr);
}

const char* entry_kind(mode_t type) {
  switch (type) {
    case AE_IFCHR:
    case AE_IFBLK:
      return "is a device";
    case AE_IFIFO:
      return "is a named pipe";
    case AE_IFSOCK:
      return "is a socket";
    default:
      return "is not a file, folder or link";
  }
}

Status unpack_entry(archive* reader, archive_entry* entry, const std::string& name,
                    const std::vector<std::string>& words, UnpackTarget& target, Run& run) {
  const char* hardlink = archive_entry_hardlink(entry);
  // Some cpio and pax archives repeat the bytes for each hard link. Such an entry is a file.
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
      return copy_data(reader, entry, file, name, run);
    }
    default:
      return target.refuse(name, entry_kind(archive_entry_filetype(entry)));
  }
}

// All entries of an opened reader. False: stopped before the end.
Result<bool> unpack_all(archive* reader, UnpackTarget& target, Run& run) {
  std::string last;
  for (;;) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(reader, &entry);
    if (run.refusal) return *run.refusal;
    if (result == ARCHIVE_EOF) break;
    // A warning is a name that does not fit the locale. The entry is valid.
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
      const std::string why = error_of(reader);
      if (last.empty()) return bad_archive(run.named, "it is not an archive, or it is damaged (" + why + ")");
      return bad_archive(run.named, "it is damaged or cut off after \"" + printable(last) + "\" (" + why + ")");
    }
    last = name_of(entry);
    TRY_ASSIGN(const auto words, target.accept(last));
    const auto take = run.how.wanted ? run.how.wanted(words) : Unpacking::Take::yes;
    if (take == Unpacking::Take::stop) return false;
    if (take == Unpacking::Take::yes) TRY(unpack_entry(reader, entry, last, words, target, run));
  }
  if (last.empty()) return bad_archive(run.named, "it has no entries");
  return true;
}

// zip and 7z have their table of contents at the end, so they are read with seeks. They have checksums of their own.
Status unpack_seekable(int fd, UnpackTarget& target, Run& run) {
  const ArchiveReader reader(archive_read_new());
  run.counted = reader.get();
  archive_read_support_format_zip_seekable(reader.get());  // requires the table of contents: a cut file fails
  archive_read_support_format_7zip(reader.get());
  if (archive_read_open_fd(reader.get(), fd, kArchiveBlock) != ARCHIVE_OK)
    return bad_archive(run.named, "it is not an archive, or it is damaged (" + error_of(reader.get()) + ")");
  TRY(unpack_all(reader.get(), target, run));
  return {};
}

Status unpack_stream(int fd, UnpackTarget& target, Run& run) {
  Unfiltered bytes(fd, run);
  if (!bytes.ready()) return bad_archive(run.named, "it is damaged (" + bytes.error() + ")");
  const ArchiveReader reader(archive_read_new());
  // Not all formats: mtree would read files that the archive only names.
  archive_read_support_format_tar(reader.get());
  archive_read_support_format_cpio(reader.get());
  if (archive_read_open(reader.get(), &bytes, nullptr, read_unfiltered, nullptr) != ARCHIVE_OK) {
    if (run.refusal) return *run.refusal;
    return bad_archive(run.named, "it is not an archive, or it is damaged (" + error_of(reader.get()) + ")");
  }
  TRY_ASSIGN(const bool whole, unpack_all(reader.get(), target, run));
  if (!whole) return {};
  // libarchive accepts a tar archive that was cut between two entries.
  const bool is_tar = (archive_format(reader.get()) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR;
  if (is_tar && bytes.ended() && !bytes.ends_with_zeros())
    return bad_archive(run.named, "it is cut off: the end mark of the archive is missing");
  if (bytes.ended() || bytes.drain()) return {};
  if (run.refusal) return *run.refusal;
  return bad_archive(run.named, "its end is damaged or cut off (" + bytes.error() + ")");
}

bool starts_like_seekable(int fd) {
  std::array<char, 6> magic = {};
  if (::pread(fd, magic.data(), magic.size(), 0) != static_cast<ssize_t>(magic.size())) return false;
  return std::memcmp(magic.data(), "PK\x03\x04", 4) == 0 || std::memcmp(magic.data(), "7z\xbc\xaf\x27\x1c", 6) == 0;
}

}  // namespace

void add_filters(::archive* reader) {
  archive_read_support_filter_gzip(reader);
  archive_read_support_filter_bzip2(reader);
  archive_read_support_filter_xz(reader);
  archive_read_support_filter_lzma(reader);
  archive_read_support_filter_lzip(reader);
  archive_read_support_filter_zstd(reader);
}

void FreeArchiveReader::operator()(::archive* reader) const {
  archive_read_free(reader);
}

std::string error_of(::archive* reader) {
  const char* text = archive_error_string(reader);
  return text ? printable(text) : "it cannot be read";
}

Result<OpenFile> open_regular_file(const fs::path& file, std::string tried) {
  Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return Error{ErrorKind::usage, std::move(tried), std::generic_category().message(errno), ""};
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return Error{ErrorKind::usage, std::move(tried), "it is not a regular file", ""};
  return OpenFile{std::move(fd), static_cast<std::uint64_t>(info.st_size)};
}

Result<OpenFile> open_archive(const fs::path& archive_path) {
  TRY_ASSIGN(auto opened, open_regular_file(archive_path, "unpack " + archive_path.string()));
  if (opened.bytes == 0) return bad_archive(archive_path, "the file is empty");
  std::array<char, 512> head = {};
  const auto size = ::pread(opened.fd.get(), head.data(), head.size(), 0);
  if (auto saved = saved_text(archive_path, {head.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))}))
    return std::move(*saved);
  return opened;
}

bool is_zip(const fs::path& file) {
  const auto opened = open_archive(file);
  std::array<char, 4> magic = {};
  return opened && ::pread(opened->fd.get(), magic.data(), magic.size(), 0) == static_cast<ssize_t>(magic.size()) &&
         std::memcmp(magic.data(), "PK\x03\x04", magic.size()) == 0;
}

Status unpack_from(int fd, std::uint64_t offset, UnpackTarget& target, const fs::path& named, const Unpacking& how) {
  struct stat info {};
  if (::fstat(fd, &info) != 0 || ::lseek(fd, static_cast<off_t>(offset), SEEK_SET) < 0)
    return Error{ErrorKind::usage, "unpack " + named.string(), std::generic_category().message(errno), ""};
  Run run{named, how, static_cast<std::uint64_t>(info.st_size) - offset};
  if (offset == 0 && starts_like_seekable(fd)) return unpack_seekable(fd, target, run);
  return unpack_stream(fd, target, run);
}

Status extract_archive(const fs::path& archive_path, const fs::path& target, const ExtractLimits& limits,
                       const OnPackage& on_progress) {
  const auto may_write = [&] { return check_output_folder(target, "unpack " + archive_path.string()); };
  TRY(may_write());
  TRY_ASSIGN(const auto opened, open_archive(archive_path));
  TRY_ASSIGN(auto staged, StagedFolder::beside(target));
  TRY_ASSIGN(auto unpacked, UnpackTarget::open(staged.path(), archive_path, limits));
  TRY(unpack_from(opened.fd.get(), 0, unpacked, archive_path, {{}, on_progress, limits}));
  return staged.commit(false, may_write);  // not synced: it can be unpacked again
}

}  // namespace vgpukit::driver
