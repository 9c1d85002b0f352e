// Headers that many C files of a driver begin with, compiled once: more than half of the compiler's time is reading them again for
// each file. The objects are the same as without, byte by byte.
#pragma once

#include <filesystem>
#include <string>

#include "build/build.hpp"
#include "support/process.hpp"

namespace vgpukit {

class SharedHeaders {
 public:
  // Looks what the C files of the modules begin with, once conftest/ is complete, and puts what make's compiler needs into the
  // tree. Empty - and the compiler does it all as ever - where there is nothing to share, where most objects are there already,
  // with clang, with debug information, on other processors than x86, or where the disk has no room for it (70 MB for each).
  static SharedHeaders of(const Kernel& kernel, const BuildRequest& request);
  SharedHeaders(SharedHeaders&& other) noexcept;
  SharedHeaders& operator=(SharedHeaders&&) = delete;
  ~SharedHeaders();  // removes it all

  // Has the command's PATH begin with the stand-in for the compiler: no command line changes.
  void use_in(Command& make) const;
  // A line for the log, after make. Empty where nothing was shared.
  [[nodiscard]] std::string said() const;

 private:
  SharedHeaders() = default;
  std::filesystem::path folder_;  // as we reach it; empty: none
  std::string inside_, tree_;     // it and the driver's tree, as seen in the root
  std::string compiler_;          // as seen in the root
};

}  // namespace vgpukit
