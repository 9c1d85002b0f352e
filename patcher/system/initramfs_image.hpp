// Which program made an initramfs image: each puts files of its own into it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

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

}  // namespace vgpukit::system
