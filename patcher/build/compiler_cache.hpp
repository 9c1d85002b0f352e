// Uses ccache if the kernel's root has it. make finds it under the compiler's name, so that command lines and objects
// stay the same.
#pragma once

#include <filesystem>
#include <string>

#include "kernel/kernel.hpp"
#include "support/process.hpp"

namespace vgpukit::build {

class CompilerCache {
 public:
  // Looks for ccache and tries it once: a ccache that cannot write its cache would fail every compile. `tree`: the tree
  // that will be built, outside of the root. A problem with ccache is no error: the compiler runs without it.
  static CompilerCache of(const kernel::Kernel& kernel, const std::filesystem::path& tree);

  // In the sandbox: gives the command a folder for ccache's objects, which only builds write to. The caller's own has a
  // configuration that names programs to run.
  void keep_in(Command& command) const;
  // Puts the folder with ccache first in the command's PATH.
  void use_in(Command& make) const;
  [[nodiscard]] bool used() const { return !inside_.empty(); }
  // A line for the log, after make: "ccache: 12 of 14 objects were there". Empty if ccache is not installed.
  [[nodiscard]] std::string summary_line() const;

 private:
  std::string inside_;                // the folder first in PATH, as seen in the root; empty: ccache is not used
  std::string objects_;               // ccache's own folder in the sandbox, as seen in the root; empty: its default
  std::filesystem::path statistics_;  // ccache's log of each object, outside of the root
  std::string problem_;
};

}  // namespace vgpukit::build
