// Finds the compiler that a kernel was built with. Internal to kernel/.
#pragma once

#include "kernel/kernel.hpp"

namespace vgpukit::kernel {

// The compiler that the configuration names; `command` and `found` are empty.
// Error: missing when the configuration names neither gcc nor clang.
Result<Compiler> compiler_of(const KernelConfig& config);

// The same with `command`, `found` and `identity` of the matching program of this root.
// `any_version`: if only another major version of the same kind is installed, it is taken, with `exact` false.
// Error: missing, naming the package and the other compilers that are installed.
Result<Compiler> find_compiler(const HostPaths& host, const KernelConfig& config, bool any_version);

// "gcc-12 (Debian 12.2.0-14) 12.2.0" -> 12.2.0; "Debian clang version 16.0.6 (15)" -> 16.0.6.
std::optional<Version> version_in(std::string_view first_line);

}  // namespace vgpukit::kernel
