// Precompiles the headers that many C files of a driver begin with. Without this, more than half of the compiler's time
// is reading them again for each file. The objects are the same byte for byte.
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
  // Starts a thread that finds the common prefixes of the modules' C files. Nothing is precompiled if there is no
  // common prefix, with clang, with debug information, on processors other than x86, or if the disk has too little free
  // space (each precompiled header has about 70 MB).
  PrecompiledHeaders(const kernel::Kernel& kernel, const BuildRequest& request);
  PrecompiledHeaders(const PrecompiledHeaders&) = delete;
  PrecompiledHeaders& operator=(const PrecompiledHeaders&) = delete;
  ~PrecompiledHeaders();

  // Writes what the compiler wrapper needs into its folder; conftest/ has to be complete. If `compile` has the
  // commands, a thread starts to make the precompiled headers, one after the other, while make runs (which uses one
  // processor in its first second). Otherwise the first file that needs a header makes it.
  void use(const kernel::CompilerWrapper& compiler_wrapper, conftest::CompileCommands compile, Command& make);

  // A line for the log, after make. Empty if no precompiled header was used.
  [[nodiscard]] std::string summary_line() const;

 private:
  [[nodiscard]] bool is_possible() const;
  void compile_in_advance(const std::vector<HeaderPrefix>& prefixes, const std::filesystem::path& script,
                          const conftest::CompileCommands& compile, const std::map<std::string, std::string>& env);

  const kernel::Kernel& kernel_;
  const BuildRequest& request_;
  std::filesystem::path folder_;  // of the compiler wrapper
  std::future<std::vector<HeaderPrefix>> finding_;
  std::atomic<bool> ended_ = false;
  std::future<void> making_;
};

}  // namespace vgpukit::build
