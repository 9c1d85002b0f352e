// A PE file with one section, as far as a unified kernel image is read.
#pragma once

#include <cstdint>
#include <string>

namespace vgpukit::test {

inline std::string pe_image(const std::string& name, const std::string& content) {
  const auto number = [](std::uint64_t value, std::size_t size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xffU);
    return bytes;
  };
  std::string image = "MZ" + std::string(58, '\0') + number(64, 4);
  image +=
      std::string("PE\0\0", 4) + number(0x8664, 2) + number(1, 2) + std::string(12, '\0') + number(0, 2) + number(0, 2);
  auto section = name;
  section.resize(8, '\0');
  section += number(content.size(), 4) + number(0x1000, 4) + number(content.size(), 4) + number(128, 4);
  image += section + std::string(16, '\0');
  return image + content;
}

}  // namespace vgpukit::test
