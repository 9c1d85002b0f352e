// The headers of every kernel that a root has, for looking names up: nothing is compiled, so nothing but the files is
// needed.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernel/kernel.hpp"

namespace vgpukit::kernel {

struct KernelHeaders {
  std::string release;
  std::vector<std::filesystem::path>
      folders;  // what the kernel's build searches for <...>, in that order; as we reach them
  std::map<std::string, std::string> texts =
      {};  // headers that are in no folder, but in a repository: "linux/mm.h" -> its text
};

// All kernels of this root that have headers, from the oldest to the newest. A folder that lacks something (a compiler,
// Module.symvers) counts as well: it can be read.
std::vector<KernelHeaders> list_headers(const HostPaths& host);

// Where this kernel's build finds <NAME> ("linux/mm.h"), as seen from inside the root.
std::optional<std::filesystem::path> find_header(const Kernel& kernel, std::string_view name);

}  // namespace vgpukit::kernel
