#include "system/initramfs_image.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <memory>
#include <string_view>

#include "support/descriptor.hpp"

namespace vgpukit::system {

namespace {

constexpr int most_files = 30000;

InitramfsTool tool_of_file(std::string_view name) {
  while (name.starts_with("./") || name.starts_with('/')) name.remove_prefix(name.starts_with('.') ? 2 : 1);
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

// Looks through an uncompressed archive in the format newc (Documentation/driver-api/early-userspace/buffer-format)
// and sets `at` to what follows it. False: there is none at `at`.
bool skip_plain_archive(int fd, off_t& at, std::optional<ImageMaker>& maker) {
  off_t place = at;
  for (int i = 0; i < most_files; ++i) {
    const auto header = bytes_at(fd, place, 110);
    if (header.size() < 110 || (!header.starts_with("070701") && !header.starts_with("070702"))) return false;
    const auto number = [&](std::size_t field) {
      std::uint32_t value = 0;
      std::from_chars(header.data() + 6 + field * 8, header.data() + 14 + field * 8, value, 16);
      return static_cast<off_t>(value);
    };
    const auto size = number(6), name_size = number(11);
    if (name_size == 0 || name_size > 4096) return false;
    const auto name = bytes_at(fd, place + 110, static_cast<std::size_t>(name_size - 1));
    place = ((place + 110 + name_size + 3) / 4 * 4 + size + 3) / 4 * 4;
    if (name == "TRAILER!!!") break;
    if (const auto tool = tool_of_file(name); tool != InitramfsTool::none) {
      maker = {tool, name};
      return true;
    }
  }
  for (auto zeros = bytes_at(fd, place, 4); zeros == std::string(4, '\0'); zeros = bytes_at(fd, place, 4)) place += 4;
  at = place;
  return true;
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
  const Descriptor file(::open(image.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  off_t at = 0;
  std::optional<ImageMaker> maker;
  while (skip_plain_archive(file.get(), at, maker))
    if (maker) return maker;
  if (::lseek(file.get(), at, SEEK_SET) != at) return std::nullopt;
  const std::unique_ptr<archive, decltype(&archive_read_free)> reader(archive_read_new(), archive_read_free);
  archive_read_support_filter_all(reader.get());
  archive_read_support_format_cpio(reader.get());
  if (archive_read_open_fd(reader.get(), file.get(), 65536) != ARCHIVE_OK) return std::nullopt;
  archive_entry* entry = nullptr;
  for (int i = 0; i < most_files && archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK; ++i) {
    const char* name = archive_entry_pathname(entry);
    if (const auto tool = tool_of_file(name ? name : ""); tool != InitramfsTool::none) return ImageMaker{tool, name};
  }
  return std::nullopt;
}

}  // namespace vgpukit::system
