// The headers of all kernels of a root, for looking up names. Only the files are needed: nothing is compiled.
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernel/kernel.hpp"

namespace vgpukit::kernel {

struct KernelHeaders {
  std::string release;
  // The folders that the kernel's build searches for <...>, in that order, as we reach them.
  std::vector<std::filesystem::path> folders;
  // Headers of a repository in place of a folder: "linux/mm.h" -> its text.
  std::map<std::string, std::string> texts = {};
  // The makefiles of Kbuild that a module's build reads, as we reach them.
  std::vector<std::filesystem::path> makefiles = {};
};

// The makefiles that a fact `kbuild` asks, relative to the kernel's source.
inline constexpr std::array<const char*, 4> kbuild_makefiles = {"Makefile", "scripts/Makefile.lib",
                                                                "scripts/Makefile.build", "scripts/Kbuild.include"};

// All kernels of this root that have headers, from the oldest to the newest, also those that one cannot build for (no
// compiler, no Module.symvers).
std::vector<KernelHeaders> list_headers(const HostPaths& host);

// Where this kernel's build finds <NAME> ("linux/mm.h"), as seen from inside the root.
std::optional<std::filesystem::path> find_header(const Kernel& kernel, std::string_view name);

}  // namespace vgpukit::kernel
