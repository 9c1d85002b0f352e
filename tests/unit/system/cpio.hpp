// Archives for initramfs images.
#pragma once

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace vgpukit::test {

// An archive of cpio's format newc with these files and contents.
inline std::string cpio_of(std::vector<std::pair<std::string, std::string>> files) {
  std::string all;
  const auto pad = [&] { all += std::string((4 - all.size() % 4) % 4, '\0'); };
  files.emplace_back("TRAILER!!!", "");
  for (const auto& [name, content] : files) {
    const auto hex = [](std::size_t number) {
      char text[9];
      std::snprintf(text, sizeof text, "%08zx", number);
      return std::string(text);
    };
    all += "070701";
    for (int field = 0; field < 13; ++field)
      all += hex(field == 1 ? 0100644 : field == 6 ? content.size() : field == 11 ? name.size() + 1 : 0);
    all += name + '\0';
    pad();
    all += content;
    pad();
  }
  return all;
}

}  // namespace vgpukit::test
