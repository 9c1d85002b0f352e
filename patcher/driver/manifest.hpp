// .manifest of a package: eight lines about it, then one line for each file that nvidia-installer knows of. A file of
// kernel/ that is not in it is left out of the dkms tree (manifest.c and misc.c of github.com/NVIDIA/nvidia-installer).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vgpukit::driver {

class Manifest {
 public:
  explicit Manifest(std::string text) : text_(std::move(text)) {}

  // What dkms gets: the entries KERNEL_MODULE_SRC and DKMS_CONF, in their order.
  [[nodiscard]] std::vector<std::string> kernel_files() const;
  [[nodiscard]] bool has(std::string_view file) const;
  // Adds an entry for a new source file, like that of its nearest neighbour: the mode, the depth of the path and the
  // module are taken over. A file that is there already stays as it is.
  void add_source(std::string_view file);
  void remove(std::string_view file);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace vgpukit::driver
