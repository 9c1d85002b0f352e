// Which package has what, on the distributions on which people run vGPU hosts. The names are those of each
// distribution's package search, the commands those of its documentation.
#pragma once

#include <string>
#include <string_view>

#include "kernel/kernel.hpp"

namespace vgpukit::kernel {

// The command that installs something on the distribution of `host` (ID and ID_LIKE of /etc/os-release), for error
// messages: "apt install linux-headers-6.1.0-50-amd64". On Arch the kernel's pkgbase file (/lib/modules/REL/pkgbase)
// names the headers. Never empty: for an unknown distribution it is a plain sentence.
std::string install_headers_hint(const HostPaths& host, std::string_view release);
std::string install_compiler_hint(const HostPaths& host, const Compiler& wanted);
std::string install_tool_hint(const HostPaths& host, std::string_view tool);  // make, ld, git ...

}  // namespace vgpukit::kernel
