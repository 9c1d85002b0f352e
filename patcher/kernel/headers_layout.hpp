// The layout of a kernel's headers folder on each distribution. Internal to kernel/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernel/kernel.hpp"

namespace vgpukit::kernel {

// A folder that could be the build folder of a release, as seen from inside the root, links resolved.
struct HeadersLayout {
  fs::path build;
  std::string release;  // UTS_RELEASE, else include/config/kernel.release
};

// Every headers folder of the root: /lib/modules/*/build, /usr/src/linux-headers-*, /usr/src/kernels/*, SUSE's
// /usr/src/linux-*-obj.
std::vector<HeadersLayout> find_headers_folders(const HostPaths& host);

// What a headers folder lacks for building modules, in one line; empty when it is complete.
std::string what_is_missing(const HostPaths& host, const fs::path& build);

// The folder with the headers themselves: the one that `build`'s Makefile includes (split headers, O= builds), else
// `build`. Nothing when neither has include/linux.
std::optional<fs::path> source_of(const HostPaths& host, const fs::path& build);

// The version with its stable patch level. LINUX_VERSION_CODE of version.h ends at patch level 255 and is used last.
std::optional<Version> version_of(const HostPaths& host, const fs::path& build, const fs::path& source);

// include/config/auto.conf. Error: missing when it is absent or has no CONFIG_ line.
Result<KernelConfig> read_config(const std::filesystem::path& auto_conf);
KernelConfig parse_config(std::string_view text);

// The name of the folder under arch/ : x86, arm64, powerpc.
std::string arch_folder(const KernelConfig& config);

}  // namespace vgpukit::kernel
