// Initramfs images: which program made one (each puts files of its own into it), and what a file in it contains.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace vgpukit::system {

enum class InitramfsTool { none, initramfs_tools, dracut, mkinitcpio, booster };
// "initramfs-tools", "dracut", ...
const char* tool_name(InitramfsTool tool);

struct ImageMaker {
  InitramfsTool tool = InitramfsTool::none;
  std::string mark;  // the file in the image that shows it: "etc/booster.init.yaml"
};
// Reads the image up to the first such file. It may begin with uncompressed archives (microcode). Nothing if it cannot
// be read, is not an image, or has no such file among its first 30,000.
std::optional<ImageMaker> maker_of_image(const std::filesystem::path& image);

struct FileInImage {
  enum class State { unreadable, absent, present };
  State state = State::unreadable;  // unreadable: the image cannot be read to its end, or has too many files
  std::string content;              // present: its first 64 KiB
};
// `file`: as in the booted system, "/etc/modprobe.d/vfio.conf". Of several such files the last one counts, as for the
// kernel.
FileInImage file_in_image(const std::filesystem::path& image, std::string_view file);

}  // namespace vgpukit::system
