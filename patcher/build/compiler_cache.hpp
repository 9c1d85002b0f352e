// ccache, where the kernel's root has it: make finds it under the compiler's own name, so that no command line and no
// object differs.
#pragma once

#include <filesystem>
#include <string>

#include "kernel/kernel.hpp"
#include "support/process.hpp"

namespace vgpukit::build {

class CompilerCache {
 public:
  // Looks for ccache, and tries it once: one that cannot write its cache would fail every compile. `tree`: what is to
  // be built, as we reach it. What keeps ccache from being used is no error, the compiler alone does the same.
  static CompilerCache of(const kernel::Kernel& kernel, const std::filesystem::path& tree);

  // Has the command's PATH begin with ccache's stand-in for the compiler.
  void use_in(Command& make) const;
  [[nodiscard]] bool used() const { return !inside_.empty(); }
  // A line for the log, after make: "ccache: 12 of 14 objects were there". Empty where no ccache is installed.
  [[nodiscard]] std::string summary_line() const;

 private:
  std::string inside_;                // the stand-in's folder, as seen in the root; empty: none is used
  std::filesystem::path statistics_;  // what ccache writes down of each object, as we reach it
  std::string problem_;
};

}  // namespace vgpukit::build
