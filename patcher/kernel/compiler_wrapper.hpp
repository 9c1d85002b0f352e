// A script that make finds under the name of the kernel's compiler (kbuild/compiler.sh), so no command line changes. It
// caches the answers to Kbuild's cc-option tests, which every make asks again on one processor (Debian's 6.1: 33
// compiler runs, 50 with NVIDIA's Kbuild), and lets a compile.sh in its folder compile the C files.
#pragma once

#include <filesystem>
#include <string>

#include "kernel/kernel.hpp"
#include "support/process.hpp"

namespace vgpukit::kernel {

class CompilerWrapper {
 public:
  // Makes `folder` (as we reach it) new; its name should be .vgpukit-compiler. Answers are cached under `fingerprint`
  // (see Facts); empty: they are not. If the compiler is called by a path or nothing can be written, usable() is false,
  // which is no error.
  CompilerWrapper(const Kernel& kernel, std::filesystem::path folder, const std::string& fingerprint);
  CompilerWrapper(const CompilerWrapper&) = delete;
  CompilerWrapper& operator=(const CompilerWrapper&) = delete;
  ~CompilerWrapper();  // caches new answers and removes the folder

  [[nodiscard]] bool usable() const { return !inside_.empty(); }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] std::filesystem::path script() const;  // as seen in the root, under the compiler's name
  // Puts the folder in front of the command's PATH.
  void use_in(Command& make) const;

 private:
  std::filesystem::path folder_, cache_file_;  // cache_file_ is empty when nothing is cached
  std::string inside_;                         // the folder, as seen in the root
  std::string name_;                           // the compiler's
  std::string compiler_;                       // the real one, as seen in the root
  std::string known_;                          // the cached answers
};

}  // namespace vgpukit::kernel
