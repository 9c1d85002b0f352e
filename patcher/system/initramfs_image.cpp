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

// An uncompressed archive in the format newc (Documentation/driver-api/early-userspace/buffer-format). Sets `at` to
// what follows it. Unreadable: there is none at `at`.
Walk walk_plain_archive(int fd, off_t& at, const Visit& visit) {
  off_t place = at;
  for (int i = 0; i < most_files; ++i) {
    const auto header = bytes_at(fd, place, 110);
    if (header.size() < 110 || (!header.starts_with("070701") && !header.starts_with("070702")))
      return Walk::unreadable;
    const auto number = [&](std::size_t field) {
      std::uint32_t value = 0;
      std::from_chars(header.data() + 6 + field * 8, header.data() + 14 + field * 8, value, 16);
      return static_cast<off_t>(value);
    };
    const auto size = number(6), name_size = number(11);
    if (name_size == 0 || name_size > 4096) return Walk::unreadable;
    const auto name = bytes_at(fd, place + 110, static_cast<std::size_t>(name_size - 1));
    const auto data = (place + 110 + name_size + 3) / 4 * 4;
    place = (data + size + 3) / 4 * 4;
    if (name == "TRAILER!!!") break;
    if (visit(name, [&] { return bytes_at(fd, data, std::min(static_cast<std::size_t>(size), most_content)); }))
      return Walk::ended;
  }
  for (auto zeros = bytes_at(fd, place, 4); zeros == std::string(4, '\0'); zeros = bytes_at(fd, place, 4)) place += 4;
  at = place;
  return Walk::complete;
}

// Uncompressed archives (microcode, modules), then one that may be compressed.
Walk walk_image(const std::filesystem::path& image, const Visit& visit) {
  const Descriptor file(::open(image.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return Walk::unreadable;
  off_t at = 0;
  bool any = false;
  for (auto walk = Walk::complete; walk == Walk::complete; any = any || walk == Walk::complete) {
    walk = walk_plain_archive(file.get(), at, visit);
    if (walk == Walk::ended) return walk;
  }
  if (any && bytes_at(file.get(), at, 1).empty()) return Walk::complete;
  if (::lseek(file.get(), at, SEEK_SET) != at) return Walk::unreadable;
  const std::unique_ptr<archive, decltype(&archive_read_free)> reader(archive_read_new(), archive_read_free);
  archive_read_support_filter_all(reader.get());
  archive_read_support_format_cpio(reader.get());
  if (archive_read_open_fd(reader.get(), file.get(), 65536) != ARCHIVE_OK) return Walk::unreadable;
  archive_entry* entry = nullptr;
  for (int i = 0; i < most_files; ++i) {
    const auto got = archive_read_next_header(reader.get(), &entry);
    if (got == ARCHIVE_EOF) return i > 0 ? Walk::complete : Walk::unreadable;
    if (got != ARCHIVE_OK && got != ARCHIVE_WARN) return Walk::unreadable;
    const char* name = archive_entry_pathname(entry);
    const auto content = [&] {
      std::string bytes(most_content, '\0');
      const auto size = archive_read_data(reader.get(), bytes.data(), bytes.size());
      bytes.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
      return bytes;
    };
    if (visit(name ? name : "", content)) return Walk::ended;
  }
  return Walk::unreadable;
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
