// A temporary folder with files that are written and read by name.
#pragma once

#include <fstream>

#include "support/temp_folder.hpp"

namespace vgpukit {

class Scratch : public test::TempFolder {
 public:
  std::filesystem::path write(const std::string& name, const std::string& text) const {
    const auto file = path() / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file(path() / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

}  // namespace vgpukit
