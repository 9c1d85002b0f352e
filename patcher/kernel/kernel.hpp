// A kernel to build for: where its headers are, how it was configured, and the compiler that it was built with.
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
  std::string text;      // CONFIG_CC_VERSION_TEXT, as it stands
  std::string command;   // what to run inside the root: "gcc-12", "x86_64-linux-gnu-gcc-12", "clang"
  Version found;         // the version that `command` has here
  std::string identity;  // the first line of its --version
  bool exact = false;    // same kind and same major version as the kernel's
};

// include/config/auto.conf: CONFIG_X -> y, m, or the value without its quotes. What is not set is absent.
using KernelConfig = std::map<std::string, std::string, std::less<>>;

struct Kernel {
  HostPaths host;
  std::string release;          // what uname -r says (UTS_RELEASE in include/generated/utsrelease.h)
  Version version;              // with the stable patch level, from include/generated/uapi/linux/version.h: 6.1.176
  std::filesystem::path build;  // the output folder (O=), as seen from inside the root: /lib/modules/REL/build resolved
  std::filesystem::path
      source;  // the source or common headers, as seen from inside; the same as build where headers are not split
  KernelConfig config;
  Compiler compiler;

  [[nodiscard]] std::filesystem::path build_here() const { return host.in_root(build); }  // as we reach it
  [[nodiscard]] std::filesystem::path source_here() const { return host.in_root(source); }
  [[nodiscard]] std::filesystem::path symvers_here() const { return build_here() / "Module.symvers"; }
  [[nodiscard]] bool has(std::string_view option) const {
    return config.contains(option);
  }  // y or m; "CONFIG_" included
  // Variables for every make that builds for this kernel: CC=..., or LLVM=1 (LLVM=-18) for a clang-built one.
  [[nodiscard]] std::vector<std::string> make_variables() const;
};

// What a folder under /lib/modules or a headers folder amounts to, for `vgpukit kernel list`. Never fails: `problem`
// says what is missing.
struct KernelEntry {
  std::string release;
  bool running = false;
  bool modules = false;  // /lib/modules/REL/kernel (or modules.dep) is there: the kernel itself is installed
  bool headers = false;
  std::string problem;  // one line, empty when one can build for it
};

// All kernels that this root knows: /lib/modules/*, and headers under /usr/src (linux-headers-*, kernels/*, SUSE's
// linux-*-obj) that no /lib/modules folder points to. Sorted from oldest to newest by version, then release.
std::vector<KernelEntry> list_kernels(const HostPaths& host);

// Opens the kernel RELEASE for building. Split headers (Debian's common + flavour) and headers without /lib/modules are
// found. Errors, all `missing` unless said otherwise: no headers (names the package for this distribution), headers
// that lack Module.symvers, auto.conf or the generated headers, a build link that points nowhere, a compiler that is
// absent (names the package) - and `usage` when nothing in this root has that release (the nearest ones are listed).
// With another compiler of the same kind but another major version installed only, the error says so too: a module
// built with it may be refused or, worse, accepted. `any_compiler`: such a compiler is taken all the same, and
// compiler.exact is false (Arch has only one gcc, and moves on).
Result<Kernel> open_kernel(const HostPaths& host, std::string_view release, bool any_compiler = false);

// SPEC: running | newest | all | a release. "running" asks uname (only when host.is_host(); in another root it is a
// usage error that says to name a release). "newest" is the newest that has headers. Duplicates are removed.
Result<std::vector<Kernel>> select_kernels(const HostPaths& host, const std::vector<std::string>& specs,
                                           bool any_compiler = false);

// Names the package that brings something on the distribution in `host` (from /etc/os-release ID and ID_LIKE), as a
// command: "apt install linux-headers-6.1.0-50-amd64", "pacman -S linux-headers". For Arch the kernel's pkgbase file
// (/lib/modules/REL/pkgbase) tells which headers. Never empty: an unknown distribution gets a plain sentence.
std::string install_headers_hint(const HostPaths& host, std::string_view release);
std::string install_compiler_hint(const HostPaths& host, const Compiler& wanted);
std::string install_tool_hint(const HostPaths& host, std::string_view tool);  // make, ld, git ...

}  // namespace vgpukit::kernel
