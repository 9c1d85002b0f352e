// The .manifest of a package: eight lines about the package, then one line for each file. nvidia-installer does not
// copy a file of kernel/ to the dkms tree if .manifest lacks it (manifest.c and misc.c of
// github.com/NVIDIA/nvidia-installer).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vgpukit::driver {

class Manifest {
 public:
  explicit Manifest(std::string text) : text_(std::move(text)) {}

  // The files of the dkms tree: the entries KERNEL_MODULE_SRC and DKMS_CONF, in their order.
  [[nodiscard]] std::vector<std::string> kernel_files() const;
  [[nodiscard]] bool has(std::string_view file) const;
  // Adds an entry for a new source file, with the mode, the path depth and the module of the entry with the longest
  // common folder. Does nothing if the file has an entry.
  void add_source(std::string_view file);
  void remove(std::string_view file);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace vgpukit::driver
