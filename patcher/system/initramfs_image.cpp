#include "system/initramfs_image.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <memory>
#include <string_view>

#include "support/descriptor.hpp"

namespace vgpukit::system {

namespace {

constexpr int most_files = 30000;

constexpr std::size_t most_content = 65536;

// "etc/fstab" for "./etc/fstab" and "/etc/fstab".
std::string_view plain_name(std::string_view name) {
  while (name.starts_with("./") || name.starts_with('/')) name.remove_prefix(name.starts_with('.') ? 2 : 1);
  return name;
}

InitramfsTool tool_of_file(std::string_view file) {
  const auto name = plain_name(file);
  if (name == "etc/booster.init.yaml") return InitramfsTool::booster;
  if (name == "early_cpio" || name.starts_with("usr/lib/dracut/") || name.starts_with("lib/dracut/"))
    return InitramfsTool::dracut;
  if (name == "buildconfig" || name == "init_functions") return InitramfsTool::mkinitcpio;
  if (name == "conf/initramfs.conf" || name == "scripts/functions") return InitramfsTool::initramfs_tools;
  return InitramfsTool::none;
}

std::string bytes_at(int fd, off_t at, std::size_t size) {
  std::string bytes(size, '\0');
  const auto got = ::pread(fd, bytes.data(), size, at);
  bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return bytes;
}

// What walk_image() calls for each file. `content` reads the file. True: the walk ends.
using Visit = std::function<bool(std::string_view name, const std::function<std::string()>& content)>;

enum class Walk { unreadable, ended, complete };  // ended: by the visitor

// The bytes at a place; fewer at the end.
using ReadAt = std::function<std::string(off_t at, std::size_t size)>;

// An archive in the format newc (Documentation/driver-api/early-userspace/buffer-format). `read` is asked for places
// that follow one another. Sets `at` to what follows the archive. Unreadable: there is none at `at`.
Walk walk_archive(const ReadAt& read, off_t& at, const Visit& visit) {
  off_t place = at;
  for (int i = 0; i < most_files; ++i) {
    const auto header = read(place, 110);
    if (header.size() < 110 || (!header.starts_with("070701") && !header.starts_with("070702")))
      return Walk::unreadable;
    const auto number = [&](std::size_t field) {
      std::uint32_t value = 0;
      std::from_chars(header.data() + 6 + field * 8, header.data() + 14 + field * 8, value, 16);
      return static_cast<off_t>(value);
    };
    const auto size = number(6), name_size = number(11);
    if (name_size == 0 || name_size > 4096) return Walk::unreadable;
    const auto name = read(place + 110, static_cast<std::size_t>(name_size - 1));
    const auto data = (place + 110 + name_size + 3) / 4 * 4;
    place = (data + size + 3) / 4 * 4;
    if (name == "TRAILER!!!") {
      at = place;
      return Walk::complete;
    }
    if (visit(name, [&] { return read(data, std::min(static_cast<std::size_t>(size), most_content)); }))
      return Walk::ended;
  }
  return Walk::unreadable;
}

// What a compressed file contains, from the descriptor's place on. It is unpacked once, and nothing is kept.
class Unpacked {
 public:
  explicit Unpacked(int fd) : reader_(archive_read_new(), archive_read_free) {
    archive_read_support_filter_all(reader_.get());
    archive_read_support_format_raw(reader_.get());
    archive_entry* entry = nullptr;
    good_ = archive_read_open_fd(reader_.get(), fd, 65536) == ARCHIVE_OK &&
            archive_read_next_header(reader_.get(), &entry) == ARCHIVE_OK;
  }

  std::string read(off_t at, std::size_t size) {
    while (place_ < at && place_ < most_unpacked)
      if (next(static_cast<std::size_t>(std::min<off_t>(at - place_, 65536))).empty()) return {};
    return place_ == at ? next(size) : std::string();
  }

 private:
  std::string next(std::size_t size) {
    std::string bytes(size, '\0');
    const auto got = good_ ? archive_read_data(reader_.get(), bytes.data(), bytes.size()) : 0;
    bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    place_ += static_cast<off_t>(bytes.size());
    return bytes;
  }

  static constexpr off_t most_unpacked = off_t{4} << 30;
  std::unique_ptr<archive, decltype(&archive_read_free)> reader_;
  bool good_ = false;
  off_t place_ = 0;
};

// Uncompressed archives (microcode, modules), then one that may be compressed.
Walk walk_image(const std::filesystem::path& image, const Visit& visit) {
  const Descriptor file(::open(image.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return Walk::unreadable;
  const ReadAt plain = [&](off_t at, std::size_t size) { return bytes_at(file.get(), at, size); };
  off_t at = 0;
  bool any = false;
  for (auto walk = walk_archive(plain, at, visit); walk != Walk::unreadable; walk = walk_archive(plain, at, visit)) {
    if (walk == Walk::ended) return walk;
    any = true;
    for (auto zeros = plain(at, 4); zeros == std::string(4, '\0'); zeros = plain(at, 4)) at += 4;
  }
  if (any && plain(at, 1).empty()) return Walk::complete;
  if (::lseek(file.get(), at, SEEK_SET) != at) return Walk::unreadable;
  Unpacked unpacked(file.get());
  off_t start = 0;
  return walk_archive([&](off_t from, std::size_t size) { return unpacked.read(from, size); }, start, visit);
}

}  // namespace

const char* tool_name(InitramfsTool tool) {
  switch (tool) {
    case InitramfsTool::initramfs_tools:
      return "initramfs-tools";
    case InitramfsTool::dracut:
      return "dracut";
    case InitramfsTool::mkinitcpio:
      return "mkinitcpio";
    case InitramfsTool::booster:
      return "booster";
    case InitramfsTool::none:
      break;
  }
  return "none";
}

std::optional<ImageMaker> maker_of_image(const std::filesystem::path& image) {
  std::optional<ImageMaker> maker;
  walk_image(image, [&](std::string_view name, const auto&) {
    if (const auto tool = tool_of_file(name); tool != InitramfsTool::none) maker = {tool, std::string(name)};
    return maker.has_value();
  });
  return maker;
}

FileInImage file_in_image(const std::filesystem::path& image, std::string_view file) {
  FileInImage found{FileInImage::State::absent, ""};
  const auto walk = walk_image(image, [&](std::string_view name, const auto& content) {
    if (plain_name(name) == plain_name(file)) found = {FileInImage::State::present, content()};
    return false;
  });
  if (walk == Walk::unreadable) return {};
  return found;
}

}  // namespace vgpukit::system
