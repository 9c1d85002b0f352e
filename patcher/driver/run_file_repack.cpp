#include "driver/run_file_repack.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <vector>

#include "driver/checksum.hpp"
#include "driver/extract.hpp"
#include "driver/manifest.hpp"
#include "driver/run_file.hpp"
#include "driver/run_file_zip.hpp"
#include "support/interrupt.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::driver {

namespace {

constexpr std::size_t kCopyBlock = 1 << 20;

struct FreeWriter {
  void operator()(archive* writer) const { archive_write_free(writer); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

// A file that is being written, and its checksums.
struct Sink {
  Descriptor fd;
  PosixCrc crc;
  Md5 md5;
  std::uint64_t bytes = 0;
  int error = 0;

  bool write(std::string_view block) {
    crc.add(block);
    md5.add(block);
    bytes += block.size();
    while (!block.empty()) {
      const auto wrote = ::write(fd.get(), block.data(), block.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) error = errno;
      if (wrote < 0) return false;
      block.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
  }
};

la_ssize_t write_sink(archive*, void* sink, const void* block, std::size_t size) {
  return static_cast<Sink*>(sink)->write({static_cast<const char*>(block), size}) ? static_cast<la_ssize_t>(size) : -1;
}

class Repacking {
 public:
  Repacking(const Driver& driver, const SourceEdits& edits, const fs::path& to, const OnPackage& on_progress)
      : driver_(driver), edits_(edits), to_(to), on_progress_(on_progress) {}

  Status run(const fs::path& file, const RunHeader& header, const fs::path& payload_file) {
    TRY_ASSIGN(const auto opened, open_archive(file));
    total_ = header.bytes - header.payload;
    sink_.fd = Descriptor(::open(payload_file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!sink_.fd) return cannot_write(errno);
    TRY_ASSIGN(const auto head, head_of(opened.fd.get(), header));
    // The checksums of NVIDIA's layout begin in the header, at an offset that does not change.
    const auto summed = std::string_view(head).substr(header.sums_from);
    sink_.crc.add(summed);
    sink_.md5.add(summed);
    TRY(open_reader(opened.fd.get(), header));
    TRY(open_writer(header));
    TRY(copy_entries());
    if (archive_write_close(writer_.get()) != ARCHIVE_OK) return write_failure();
    return put_together(head, header, payload_file);
  }

 private:
  Error cannot_write(int error) const {
    const auto kind = error == EFBIG ? ErrorKind::no_space : kind_of(error, ErrorKind::missing);
    return {.kind = kind,
            .tried = "write " + to_.string(),
            .why = std::generic_category().message(error),
            .next = kind == ErrorKind::no_space ? "free some space there and try again" : "",
            .number = error};
  }
  Error write_failure() {
    if (sink_.error != 0) return cannot_write(sink_.error);
    return {ErrorKind::failed, "write " + to_.string(), error_of(writer_.get()), ""};
  }
  Error read_failure() {
    return {ErrorKind::usage, "read the installer " + driver_.package.file.string(), error_of(reader_.get()),
            "fetch the file again"};
  }

  Result<std::string> head_of(int fd, const RunHeader& header) const {
    std::string head(header.payload, '\0');
    std::size_t have = 0;
    while (have < head.size()) {
      const auto got = ::pread(fd, head.data() + have, head.size() - have, static_cast<off_t>(have));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0)
        return Error{ErrorKind::usage, "read the installer " + driver_.package.file.string(),
                     got < 0 ? std::generic_category().message(errno) : "the file was changed at the same time", ""};
      have += static_cast<std::size_t>(got);
    }
    return head;
  }

  Status open_reader(int fd, const RunHeader& header) {
    reader_.reset(archive_read_new());
    add_filters(reader_.get());
    archive_read_support_format_tar(reader_.get());
    ::lseek(fd, static_cast<off_t>(header.payload), SEEK_SET);
    if (archive_read_open_fd(reader_.get(), fd, kCopyBlock) != ARCHIVE_OK) return read_failure();
    return {};
  }

  // The compression stays, because the header names the program that decompresses. The levels are those of NVIDIA's
  // makeself.sh.
  Status open_writer(const RunHeader& header) {
    writer_.reset(archive_write_new());
    const auto& name = header.compression;
    if (name != "none" && archive_write_add_filter_by_name(writer_.get(), name.c_str()) < ARCHIVE_WARN)
      return Error{ErrorKind::missing, "write " + to_.string(), "this libarchive cannot compress with " + name, ""};
    if (name == "zstd" || name == "gzip")
      archive_write_set_filter_option(writer_.get(), name.c_str(), "compression-level", "9");
    // Fails if libarchive was built without threads. Then it uses one.
    if (name == "zstd" || name == "xz")
      archive_write_set_filter_option(writer_.get(), name.c_str(), "threads", std::to_string(default_jobs()).c_str());
    archive_write_set_bytes_in_last_block(writer_.get(), 1);
    archive_write_set_format_gnutar(writer_.get());
    if (archive_write_open(writer_.get(), &sink_, nullptr, write_sink, nullptr) != ARCHIVE_OK) return write_failure();
    return {};
  }

  Status copy_entries() {
    for (;;) {
      archive_entry* entry = nullptr;
      const int result = archive_read_next_header(reader_.get(), &entry);
      if (result == ARCHIVE_EOF) break;
      if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return read_failure();
      TRY(copy_entry(entry));
    }
    if (has_folder_) return {};
    return Error{ErrorKind::usage, "write " + to_.string(), "the installer has no folder " + driver_.package_folder,
                 ""};
  }

  Status copy_entry(archive_entry* entry) {
    const char* raw = archive_entry_pathname(entry);
    std::string name = raw ? raw : "";
    const std::string prefix = name.starts_with("./") ? "./" : "";
    name.erase(0, prefix.size());
    const std::string folder = driver_.package_folder + "/";
    if (!has_folder_ && name.starts_with(folder)) {
      has_folder_ = true;
      // The entries of a folder stay together, so that a reader of the kernel sources can stop after them.
      if (archive_entry_filetype(entry) == AE_IFDIR) {
        TRY(write_entry(entry, nullptr));
        return add_new_files(prefix);
      }
      TRY(add_new_files(prefix));
    }
    if (name == ".manifest") {
      TRY_ASSIGN(auto text, read_data());
      const std::string changed = changed_manifest(std::move(text));
      return write_entry(entry, &changed);
    }
    if (!name.starts_with(folder)) return write_entry(entry, nullptr);
    const auto edit = edits_.find(name.substr(folder.size()));
    if (edit == edits_.end()) return write_entry(entry, nullptr);
    return edit->second ? write_entry(entry, &*edit->second) : Status();
  }

  bool is_new(const std::string& path) const {
    std::error_code ignored;
    return !fs::exists(fs::symlink_status(driver_.sources / path, ignored));
  }

  Status add_new_files(const std::string& prefix) {
    for (const auto& [path, text] : edits_) {
      if (!text || !is_new(path)) continue;
      const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
      archive_entry_set_pathname(entry.get(), (prefix + driver_.package_folder + "/" + path).c_str());
      archive_entry_set_filetype(entry.get(), AE_IFREG);
      archive_entry_set_perm(entry.get(), 0644);
      archive_entry_set_mtime(entry.get(), 0, 0);
      TRY(write_entry(entry.get(), &*text));
    }
    return {};
  }

  std::string changed_manifest(std::string text) const {
    Manifest manifest(std::move(text));
    for (const auto& [path, change] : edits_) {
      const std::string name = driver_.package_folder + "/" + path;
      if (change)
        manifest.add_source(name);
      else
        manifest.remove(name);
    }
    return manifest.text();
  }

  // Writes the entry with `text`, or with its own bytes if that is null.
  Status write_entry(archive_entry* entry, const std::string* text) {
    if (text) archive_entry_set_size(entry, static_cast<la_int64_t>(text->size()));
    archive_entry_sparse_clear(entry);
    if (archive_write_header(writer_.get(), entry) < ARCHIVE_WARN) return write_failure();
    if (text) return write_data(*text);
    return each_block([&](std::string_view block) { return write_data(block); });
  }

  Status write_data(std::string_view data) {
    if (!data.empty() && archive_write_data(writer_.get(), data.data(), data.size()) < 0) return write_failure();
    return {};
  }

  Result<std::string> read_data() {
    std::string text;
    TRY(each_block([&](std::string_view block) -> Status {
      text += block;
      return {};
    }));
    return text;
  }

  template <class F>
  Status each_block(F use) {
    std::vector<char> buffer(kCopyBlock);
    for (;;) {
      if (Interrupt::caught() != 0) return Error{ErrorKind::interrupted, "write " + to_.string(), "interrupted", ""};
      if (on_progress_)
        on_progress_({"packing", static_cast<std::uint64_t>(archive_filter_bytes(reader_.get(), -1)), total_});
      const auto got = archive_read_data(reader_.get(), buffer.data(), buffer.size());
      if (got < 0) return read_failure();
      if (got == 0) return {};
      TRY(use(std::string_view(buffer.data(), static_cast<std::size_t>(got))));
    }
  }

  // Writes the header with the new checksums and sizes, then the payload.
  Status put_together(std::string head, const RunHeader& header, const fs::path& payload_file) {
    const bool nvidia = header.layout == RunHeader::Layout::nvidia;
    set(head, "CRCsum", std::to_string(sink_.crc.value()));
    set(head, "MD5", sink_.md5.hex());
    if (!nvidia) {
      set(head, "SHA", std::string(64, '0'));  // none: makeself then checks MD5, as it does by default
      set(head, "SIGNATURE", "");
      set(head, "filesizes", std::to_string(sink_.bytes));
      set(head, "totalsize", std::to_string(sink_.bytes));
    }
    Sink out;
    out.fd = Descriptor(::open(to_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755));
    if (!out.fd) return cannot_write(errno);
    if (!out.write(head)) return cannot_write(out.error);
    TRY_ASSIGN(const auto payload, open_archive(payload_file));
    std::vector<char> buffer(kCopyBlock);
    for (;;) {
      const auto got = ::read(payload.fd.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return cannot_write(errno);
      if (got == 0) return {};
      if (!out.write({buffer.data(), static_cast<std::size_t>(got)})) return cannot_write(out.error);
    }
  }

  static void set(std::string& head, std::string_view key, const std::string& text) {
    const auto value = header_value(head, key);
    if (!value) return;
    const char quote = value->size > 0 ? head[value->at] : '\0';
    const std::string mark = quote == '"' || quote == '\'' ? std::string(1, quote) : std::string();
    head.replace(value->at, value->size, mark + text + mark);
  }

  const Driver& driver_;
  const SourceEdits& edits_;
  const fs::path& to_;
  const OnPackage& on_progress_;
  ArchiveReader reader_;
  Sink sink_;  // before writer_: freeing the writer may still write
  std::unique_ptr<archive, FreeWriter> writer_;
  std::uint64_t total_ = 0;
  bool has_folder_ = false;
};

}  // namespace

Status repack_run_file(const Driver& driver, const SourceEdits& edits, const fs::path& to,
                       const OnPackage& on_progress) {
  const std::string tried = "write " + to.string();
  if (!driver.package)
    return Error{ErrorKind::usage, tried, driver.path.string() + " is not from an installer",
                 "name a .run, or the zip that it came in, as the driver"};
  std::error_code error;
  if (fs::exists(fs::symlink_status(to, error)))
    return Error{ErrorKind::usage, tried, "the file exists", "name a new file"};
  TRY_ASSIGN(const auto scratch, StagedFolder::beside(to));
  const fs::path made = scratch.path() / "made.run";
  TRY(with_run_file(driver.package, scratch.path(), on_progress, [&](const fs::path& file) -> Status {
    TRY_ASSIGN(const auto header, read_run_header(file));
    TRY(check_run_file(file, header, on_progress));
    return Repacking(driver, edits, made, on_progress).run(file, header, scratch.path() / "payload");
  }));
  // The new installer is read again before it gets its name, so that a damaged one is never delivered.
  TRY_ASSIGN(const auto header, read_run_header(made));
  TRY(check_run_file(made, header, on_progress));
  fs::rename(made, to, error);
  if (error) return Error{ErrorKind::missing, tried, error.message(), ""};
  return {};
}

}  // namespace vgpukit::driver
