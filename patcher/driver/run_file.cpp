#include "driver/run_file.hpp"

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <vector>

#include "driver/checksum.hpp"
#include "driver/extract.hpp"
#include "driver/unpack_target.hpp"
#include "support/interrupt.hpp"
#include "support/number.hpp"
#include "support/text.hpp"

namespace vgpukit::driver {

namespace {

constexpr std::uint64_t kMaxHeader = 16 << 20;  // 150 kB, and some 300 kB with a decompressor, are usual
constexpr std::uint64_t kKeysWithin = 64 << 10;
constexpr std::size_t kReadBlock = 1 << 20;
constexpr const char* kFetchAgain = "fetch the file again, and compare its size with the download page's";

Error bad_header(const fs::path& file, const std::string& why) {
  return {ErrorKind::usage, "read the installer " + file.string(), why, kFetchAgain};
}

// The number between `before` and `after`.
std::optional<std::uint64_t> number_between(std::string_view text, std::string_view before, std::string_view after) {
  for (auto at = text.find(before); at != std::string_view::npos; at = text.find(before, at + 1)) {
    const auto start = at + before.size();
    const auto end = std::min(text.find_first_not_of("0123456789", start), text.size());
    if (end > start && text.substr(end).starts_with(after))
      return number_in<std::uint64_t>(text.substr(start, end - start));
  }
  return std::nullopt;
}

// The offset after that many newlines.
std::optional<std::size_t> after_lines(std::string_view text, std::uint64_t lines) {
  std::size_t at = 0;
  for (; lines > 0; --lines) {
    const auto newline = text.find('\n', at);
    if (newline == std::string_view::npos) return std::nullopt;
    at = newline + 1;
  }
  return at;
}

std::string compression_of(std::string_view payload) {
  using namespace std::string_view_literals;
  if (payload.starts_with("\xfd"
                          "7zXZ\0"sv))
    return "xz";
  if (payload.starts_with("\x28\xb5\x2f\xfd"sv)) return "zstd";
  if (payload.starts_with("\x1f\x8b"sv)) return "gzip";
  if (payload.starts_with("BZh"sv)) return "bzip2";
  if (payload.size() > 262 && payload.substr(257, 5) == "ustar"sv) return "none";
  return {};
}

// The processor of a platform's name such as Linux-x86_64 or NVIDIA-Linux-aarch64-535.54.03. Empty: none.
std::string arch_in(std::string_view text) {
  constexpr std::string_view key = "Linux-";
  const auto at = text.find(key);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + key.size());
  return std::string(text.substr(0, text.find_first_of("- \t")));
}

std::string value_or_empty(std::string_view header, std::string_view key) {
  const auto value = header_value(header, key);
  return value ? value->text : std::string();
}

// makeself writes a list with a checksum for each archive; a driver has one archive. Zeros mean that there is none.
std::string sum_of(std::string_view header, std::string_view key) {
  const std::string text(trimmed(value_or_empty(header, key)));
  return text.find_first_not_of('0') == std::string::npos ? std::string() : text;
}

class InstallerReader {
 public:
  InstallerReader(const fs::path& file, int fd, std::uint64_t bytes) : file_(file), fd_(fd), bytes_(bytes) {}

  // The next part of the file. Empty at its end.
  Result<std::string_view> next() {
    for (;;) {
      const auto got = ::pread(fd_, buffer_.data(), buffer_.size(), static_cast<off_t>(at_));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Error{ErrorKind::usage, "read " + file_.string(), std::generic_category().message(errno), ""};
      at_ += static_cast<std::uint64_t>(got);
      return std::string_view(buffer_.data(), static_cast<std::size_t>(got));
    }
  }
  void seek(std::uint64_t to) { at_ = to; }
  [[nodiscard]] std::uint64_t at() const { return at_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

  // The first `end` bytes of the file, or all if it is shorter.
  Result<std::string> start(std::uint64_t end) {
    return start_until(end, [](const std::string&) { return false; });
  }

  // The same, but stops reading when enough() is true.
  template <class F>
  Result<std::string> start_until(std::uint64_t end, F enough) {
    std::string text;
    seek(0);
    while (text.size() < end && !enough(text)) {
      TRY_ASSIGN(const auto part, next());
      if (part.empty()) break;
      text += part;
    }
    text.resize(std::min<std::uint64_t>(text.size(), end));
    return text;
  }

 private:
  const fs::path& file_;
  int fd_;
  std::uint64_t bytes_;
  std::uint64_t at_ = 0;
  std::vector<char> buffer_ = std::vector<char>(kReadBlock);
};

Result<OpenFile> open_installer(const fs::path& file) {
  return open_regular_file(file, "read the installer " + file.string());
}

// The number of lines of the header, including the decompressor.
Result<std::uint64_t> header_lines(const fs::path& file, std::string_view keys, RunHeader::Layout layout) {
  const auto skip = header_value(keys, "skip");
  if (!skip) {
    // Up to makeself 2.4.0 the code has the number, not a variable.
    const auto lines = layout == RunHeader::Layout::makeself ? number_between(keys, "head -n ", " ") : std::nullopt;
    if (!lines) return bad_header(file, "its header does not say where the payload begins: is it a whole file?");
    return *lines;
  }
  const auto value = number_in<std::uint64_t>(skip->text);
  if (!value || *value < 2 || *value > kMaxHeader)
    return bad_header(file, "its header is damaged: skip= is " + printable(skip->text, 40) + ", not a number of lines");
  // In NVIDIA's layout the line at which the payload begins, in makeself's the number of lines before it.
  return layout == RunHeader::Layout::nvidia ? *value - 1 : *value;
}

Status check_sums_text(const fs::path& file, const RunHeader& header) {
  const auto value = number_in<std::uint64_t>(header.crc);
  if (!header.crc.empty() && (!value || *value > 0xffffffffU))
    return bad_header(file, "its header is damaged: CRCsum= is " + printable(header.crc, 40) + ", not a checksum");
  if (!header.md5.empty() &&
      (header.md5.size() != 32 || header.md5.find_first_not_of("0123456789abcdef") != std::string::npos))
    return bad_header(file, "its header is damaged: MD5= is " + printable(header.md5, 40) + ", not a checksum");
  return {};
}

// makeself's header has the size of the payload; NVIDIA's header does not.
Status check_size(const fs::path& file, std::string_view keys, const RunHeader& header) {
  if (header.layout == RunHeader::Layout::nvidia) return {};
  const std::string sizes(trimmed(value_or_empty(keys, "filesizes")));
  const auto wanted = number_in<std::uint64_t>(sizes);
  if (!wanted && contains(sizes, " "))
    return bad_header(file, "it has several archives (makeself --append), and a driver package has one");
  if (!wanted) return bad_header(file, "its header is damaged: filesizes= is " + printable(sizes, 40) + ", not a size");
  const auto have = header.bytes - header.payload;
  if (have < *wanted)
    return bad_header(file, "it is cut off: " + std::to_string(*wanted - have) + " bytes are missing at its end");
  if (have > *wanted)
    return bad_header(file, "it has " + std::to_string(have - *wanted) + " bytes more than its header says");
  return {};
}

}  // namespace

std::optional<HeaderValue> header_value(std::string_view header, std::string_view key) {
  for (std::size_t at = 0; at < header.size();) {
    const auto end = std::min(header.find('\n', at), header.size());
    const auto line = header.substr(at, end - at);
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == '=') {
      const auto raw = line.substr(key.size() + 1);
      HeaderValue value{at + key.size() + 1, 0, {}};
      const char quote = raw.empty() ? '\0' : raw.front();
      const auto close = quote == '"' || quote == '\'' ? raw.find(quote, 1) : std::string_view::npos;
      value.size = close != std::string_view::npos ? close + 1 : std::min(raw.find_first_of(" \t\r;"), raw.size());
      value.text = close != std::string_view::npos ? raw.substr(1, close - 1) : raw.substr(0, value.size);
      return value;
    }
    at = end + 1;
  }
  return std::nullopt;
}

bool is_run_file(const fs::path& file) {
  const auto opened = open_installer(file);
  if (!opened) return false;
  InstallerReader reader(file, opened->fd.get(), opened->bytes);
  const auto text = reader.start(kKeysWithin);
  if (!text || !text->starts_with("#!")) return false;
  return header_value(*text, "skip") || header_value(*text, "CRCsum") || contains(*text, "akeself");
}

Result<RunHeader> read_run_header(const fs::path& file) {
  TRY_ASSIGN(const auto opened, open_installer(file));
  InstallerReader reader(file, opened.fd.get(), opened.bytes);
  TRY_ASSIGN(const auto keys, reader.start(kKeysWithin));
  if (opened.bytes == 0) return bad_header(file, "the file is empty");
  if (!keys.starts_with("#!")) return bad_header(file, "it is not an installer: it does not begin with a shell script");

  RunHeader header;
  header.bytes = opened.bytes;
  header.layout = header_value(keys, "filesizes") ? RunHeader::Layout::makeself : RunHeader::Layout::nvidia;
  header.label = value_or_empty(keys, "label");
  header.target_dir = value_or_empty(keys, "targetdir");
  header.version = value_or_empty(keys, "version_string");
  header.arch = value_or_empty(keys, "TARGET_ARCH");
  for (const auto& text : {header.label, header.target_dir})
    if (header.arch.empty()) header.arch = arch_in(text);
  header.crc = sum_of(keys, "CRCsum");
  header.md5 = sum_of(keys, "MD5");
  TRY_ASSIGN(const auto lines, header_lines(file, keys, header.layout));
  TRY(check_sums_text(file, header));

  std::optional<std::size_t> payload;
  TRY_ASSIGN(const auto start, reader.start_until(kMaxHeader, [&](const std::string& text) {
    payload = after_lines(text, lines);
    return payload.has_value();
  }));
  if (!payload) payload = after_lines(start, lines);
  if (!payload && header.bytes <= kMaxHeader)
    return bad_header(file, "it is cut off: its header should have " + std::to_string(lines) + " lines");
  if (!payload)
    return bad_header(file, "its header is damaged: the first 16 MB do not have " + std::to_string(lines) + " lines");
  header.payload = *payload;
  if (header.payload >= header.bytes)
    return bad_header(file, "it is cut off: it ends with its header, and the driver is missing");
  TRY(check_size(file, keys, header));
  reader.seek(header.payload);
  TRY_ASSIGN(const auto first, reader.next());
  header.compression = compression_of(first);
  if (header.compression.empty())
    return bad_header(file,
                      "after its header there is no archive of a known kind (xz, zstd, gzip, bzip2 or plain tar)");

  header.sums_from = header.payload;
  if (header.layout == RunHeader::Layout::nvidia) {
    const auto text = std::string_view(start).substr(0, header.payload);
    const auto line = number_between(text, "tail -n +", " $0 | cksum").value_or(4);
    const auto from = line > 1 && line < 16 ? after_lines(text, line - 1) : std::nullopt;
    if (!from) return bad_header(file, "its header is damaged: the sums should begin at line " + std::to_string(line));
    header.sums_from = *from;
  }
  return header;
}

Status check_run_file(const fs::path& file, const RunHeader& header, const OnPackage& on_progress) {
  if (header.crc.empty() && header.md5.empty()) return {};
  const std::string tried = "check the installer " + file.string();
  TRY_ASSIGN(const auto opened, open_installer(file));
  ::posix_fadvise(opened.fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  InstallerReader reader(file, opened.fd.get(), opened.bytes);
  reader.seek(header.sums_from);
  PosixCrc crc;
  Md5 md5;
  for (;;) {
    if (Interrupt::caught() != 0) return Error{ErrorKind::interrupted, tried, "interrupted", ""};
    TRY_ASSIGN(const auto part, reader.next());
    if (part.empty()) break;
    if (!header.crc.empty()) crc.add(part);
    if (!header.md5.empty()) md5.add(part);
    if (on_progress) on_progress({"checking", reader.at(), reader.bytes()});
  }
  const auto differs = [&](const char* what, const std::string& have, const std::string& wanted) {
    return Error{
        ErrorKind::usage, tried,
        "it is damaged or cut off: its " + std::string(what) + " is " + have + ", and its header says " + wanted,
        kFetchAgain};
  };
  if (!header.crc.empty() && crc.value() != number_in<std::uint64_t>(header.crc))
    return differs("CRC", std::to_string(crc.value()), header.crc);
  if (!header.md5.empty() && md5.hex() != header.md5) return differs("MD5", md5.hex(), header.md5);
  return {};
}

Status check_run_arch(const RunHeader& header, const fs::path& named) {
  utsname machine{};
  if (header.arch.empty() || ::uname(&machine) != 0) return {};
  if (header.arch == machine.machine) return {};
  return Error{ErrorKind::usage, "open the driver " + named.string(),
               "it is for " + printable(header.arch, 40) + ", and this machine is " + machine.machine,
               "fetch the package whose name has Linux-" + std::string(machine.machine)};
}

}  // namespace vgpukit::driver
