// Headers that many C files of a driver begin with, compiled once: more than half of the compiler's time is reading
// them again for each file. The objects are the same as without, byte by byte.
#pragma once

#include <atomic>
#include <filesystem>
#include <future>
#include <string>
#include <vector>

#include "build/build_tree.hpp"
#include "build/header_prefixes.hpp"
#include "conftest/conftest_ask.hpp"
#include "kernel/compiler_wrapper.hpp"

namespace vgpukit::build {

class PrecompiledHeaders {
 public:
  // Begins to look, on a thread of its own, what the C files of the modules begin with. Nothing is shared - and the
  // compiler does it all as ever - where there is nothing to share, where most objects are there already, with clang,
  // with debug information, on other processors than x86, or where the disk has no room for it (70 MB for each).
  PrecompiledHeaders(const kernel::Kernel& kernel, const BuildRequest& request);
  PrecompiledHeaders(const PrecompiledHeaders&) = delete;
  PrecompiledHeaders& operator=(const PrecompiledHeaders&) = delete;
  ~PrecompiledHeaders();

  // Puts what the stand-in for the compiler needs into its folder, once conftest/ is complete. Where it is known how
  // Kbuild compiles the files, precompiled headers are made from now on, one after the other, beside make (which begins
  // with a second on one processor); else by the first file that wants one.
  void use(const kernel::CompilerWrapper& compiler_wrapper, conftest::CompileCommands compile, Command& make);

  // A line for the log, after make. Empty where nothing was shared.
  [[nodiscard]] std::string summary_line() const;

 private:
  [[nodiscard]] bool is_possible() const;
  void compile_in_advance(const std::vector<HeaderPrefix>& prefixes, const std::filesystem::path& script,
                          const conftest::CompileCommands& compile, const std::map<std::string, std::string>& env);

  const kernel::Kernel& kernel_;
  const BuildRequest& request_;
  std::filesystem::path folder_;  // the stand-in's
  std::future<std::vector<HeaderPrefix>> finding_;
  std::atomic<bool> ended_ = false;
  std::future<void> making_;
};

}  // namespace vgpukit::build
