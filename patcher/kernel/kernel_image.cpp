#include "kernel/kernel_image.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "support/atomic_file.hpp"
#include "support/text.hpp"

namespace vgpukit::kernel {

namespace {

constexpr std::string_view banner = "Linux version ";  // in every kernel: linux_banner

struct Found {
  bool banner = false;
  bool text = false;
};

// Searches a text in pieces. The end of each piece is stored, so that a match across a border is found.
class Search {
 public:
  explicit Search(std::string_view text) : text_(text), overlap_(std::max(text.size(), banner.size())) {}

  void add(std::string_view piece) {
    window_.append(piece);
    found_.banner = found_.banner || contains(window_, banner);
    found_.text = found_.text || contains(window_, text_);
    if (window_.size() > overlap_) window_.erase(0, window_.size() - overlap_);
  }
  [[nodiscard]] const Found& found() const { return found_; }

 private:
  std::string_view text_;
  std::size_t overlap_;
  std::string window_;
  Found found_;
};

bool is_bz_image(std::string_view image) {
  return image.size() >= 0x250 && image.substr(0x202, 4) == "HdrS";
}

// The compressed kernel in a bzImage (Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length).
std::string_view payload_of(std::string_view image) {
  const auto number = [&](std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, image.data() + at, sizeof value);
    return value;
  };
  if (!is_bz_image(image)) return image;
  std::size_t setup = static_cast<unsigned char>(image[0x1f1]);
  if (setup == 0) setup = 4;
  const std::size_t begin = (setup + 1) * 512 + number(0x248);
  const std::size_t length = number(0x24c);
  if (begin >= image.size() || length == 0 || length > image.size() - begin) return {};
  return image.substr(begin, length);
}

struct ArchiveEnd {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

// Any compression of libarchive: gzip, xz, zstd, lz4, lzma, bzip2. Errors are ignored: after the payload of a bzImage
// is its size, which is an error for libarchive when all data has been read.
void search_compressed(std::string_view bytes, Search& search) {
  const std::unique_ptr<archive, ArchiveEnd> reader(archive_read_new());
  if (!reader) return;
  archive_read_support_filter_all(reader.get());
  archive_read_support_format_raw(reader.get());
  archive_entry* entry = nullptr;
  if (archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK) return;
  if (archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK) return;
  std::string buffer(1 << 20, '\0');
  for (;;) {
    const auto got = archive_read_data(reader.get(), buffer.data(), buffer.size());
    if (got <= 0) return;
    search.add(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
    if (search.found().banner && search.found().text) return;
  }
}

}  // namespace

std::optional<fs::path> find_image(const Kernel& kernel) {
  for (const auto& path :
       {fs::path("/boot/vmlinuz-" + kernel.release), "/lib/modules/" / fs::path(kernel.release) / "vmlinuz"}) {
    const auto real = kernel.host.resolve(path);
    if (real && ::access(real->c_str(), R_OK) == 0) return path;
  }
  return std::nullopt;
}

std::optional<bool> image_contains(const fs::path& image, std::string_view text) {
  const auto bytes = read_file(image);
  if (!bytes) return std::nullopt;
  Search search(text);
  search_compressed(payload_of(*bytes), search);
  if (!search.found().banner && !is_bz_image(*bytes)) search.add(*bytes);  // arm64 images need not be compressed
  // Without the banner it was not a kernel or not a whole one: a missing text then means nothing.
  if (!search.found().banner) return std::nullopt;
  return search.found().text;
}

}  // namespace vgpukit::kernel
