// A script that make finds under the name of the kernel's compiler (kbuild/compiler.sh): no command line changes. It
// remembers what Kbuild's cc-option tests were told, which every make asks again on one processor (Debian's 6.1: 33
// compiler runs, with NVIDIA's Kbuild 50), and compiles with shared headers where a driver's build has prepared any.
#pragma once

#include <filesystem>
#include <string>

#include "kernel/kernel.hpp"
#include "support/process.hpp"

namespace vgpukit::kernel {

class CompilerWrapper {
 public:
  // Makes FOLDER anew, as we reach it; its name should be .vgpukit-compiler. `fingerprint`: of the kernel's headers and
  // compiler (see Facts), under which answers are kept; empty: none are. Where the compiler is called by a path, or
  // nothing can be written, it is of no use, and that is no error.
  CompilerWrapper(const Kernel& kernel, std::filesystem::path folder, const std::string& fingerprint);
  CompilerWrapper(const CompilerWrapper&) = delete;
  CompilerWrapper& operator=(const CompilerWrapper&) = delete;
  ~CompilerWrapper();  // keeps what was learnt, and removes the folder

  [[nodiscard]] bool usable() const { return !inside_.empty(); }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] std::filesystem::path script() const;  // as seen in the root, under the compiler's name
  // Has the command's PATH begin with it. Not for a compiler cache's commands: these have a stand-in of their own.
  void use_in(Command& make) const;

 private:
  std::filesystem::path folder_, cache_file_;  // kept_: empty where nothing is
  std::string inside_;                         // the folder, as seen in the root
  std::string name_;                           // the compiler's
  std::string compiler_;                       // the real one, as seen in the root
  std::string known_;
};

}  // namespace vgpukit::kernel
