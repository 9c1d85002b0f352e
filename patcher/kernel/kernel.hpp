// kernel/ is about kernels to build for: their headers, configuration, compiler, Module.symvers and /lib/modules, and
// facts about them. It uses support/.
//
// This header: which kernels a root has, and one of them opened for building.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "support/host_paths.hpp"
#include "support/result.hpp"
#include "support/version.hpp"

namespace vgpukit::kernel {

struct Compiler {
  enum class Kind { gcc, clang };
  Kind kind = Kind::gcc;
  Version version;       // of the compiler that built the kernel: 12.2.0
  std::string text;      // CONFIG_CC_VERSION_TEXT
  std::string command;   // the program inside the root: "gcc-12", "x86_64-linux-gnu-gcc-12", "clang"
  Version found;         // the version that `command` has here
  std::string identity;  // the first line of its --version
  bool exact = false;    // same kind and same major version as the kernel's
};

// include/config/auto.conf: CONFIG_X -> y, m, or the value without quotes. An option that is not set is absent.
using KernelConfig = std::map<std::string, std::string, std::less<>>;

struct Kernel {
  HostPaths host;
  std::string release;  // what uname -r prints (UTS_RELEASE in include/generated/utsrelease.h)
  Version version;      // with the stable patch level, from include/generated/uapi/linux/version.h: 6.1.176
  // As seen from inside the root: the output folder (O=; /lib/modules/REL/build without links), and the source or
  // common headers. The two are the same if headers are not split.
  std::filesystem::path build, source;
  KernelConfig config;
  Compiler compiler;

  [[nodiscard]] std::filesystem::path build_here() const { return host.in_root(build); }  // as we reach it
  [[nodiscard]] std::filesystem::path symvers_here() const { return build_here() / "Module.symvers"; }
  // Whether an option ("CONFIG_X") is y or m.
  [[nodiscard]] bool has(std::string_view option) const { return config.contains(option); }
  // Variables for every make that builds for this kernel: CC=..., with clang IGNORE_CC_MISMATCH=1, and if ld.lld linked
  // it, LLVM=1 (LLVM=-18), LD=... and OBJDUMP=..., too: NVIDIA's Makefiles pass these three to the kernel's make, where
  // they override what LLVM selects.
  [[nodiscard]] std::vector<std::string> make_variables() const;
};

// A kernel that is installed or has headers, for `vgpukit kernel list`.
struct KernelEntry {
  std::string release;
  bool running = false;
  bool modules = false;  // the kernel itself is installed
  bool headers = false;
  std::string problem;    // why one cannot build for it, in one line; empty when one can
  std::string next = {};  // what to do about the problem; only from check_kernels()
  // Names for --accept without which NVIDIA's drivers refuse this kernel: "preempt-rt".
  std::vector<std::string> notices = {};
};

// All kernels of this root: /lib/modules/*, and headers under /usr/src (linux-headers-*, kernels/*, SUSE's linux-*-obj)
// without a folder in /lib/modules. From the oldest to the newest. Never fails.
std::vector<KernelEntry> list_kernels(const HostPaths& host);

// The same, with what open_kernel() says about each that has headers: for lists that people read. It runs compilers.
std::vector<KernelEntry> check_kernels(const HostPaths& host);

// Whether release `a` is older than `b`: by version, then as strverscmp(3) ("6.1.0-9" before "6.1.0-10").
bool is_older_release(const std::string& a, const std::string& b);

// Opens the kernel RELEASE for building. Split headers (Debian's common + flavour) and headers without /lib/modules are
// found. `any_compiler`: if only another major version of the kernel's compiler is installed, it is used, and
// compiler.exact is false (Arch has only one gcc, and the next version replaces it).
// Error: usage when this root has no such release (the message lists the nearest ones); missing for no headers, for
// headers that lack Module.symvers, auto.conf or the generated headers, for a dangling build link, and for a compiler
// that is not installed (the message names the package, and another version that is installed).
Result<Kernel> open_kernel(const HostPaths& host, std::string_view release, bool any_compiler = false);

// Each spec is "running", "newest", "all" or a release. "newest" is the newest with headers. Duplicates are removed.
// Error: usage for "running" in another root; missing when no kernel has headers; and those of open_kernel().
Result<std::vector<Kernel>> select_kernels(const HostPaths& host, const std::vector<std::string>& specs,
                                           bool any_compiler = false);

}  // namespace vgpukit::kernel
