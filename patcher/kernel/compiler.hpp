// Finding the compiler that a kernel was built with. Internal to kernel/.
#pragma once

#include "kernel/kernel.hpp"

namespace vgpukit::kernel {

// What the configuration says about the compiler; `command` and `found` are still empty.
// Error: missing when the configuration names neither gcc nor clang.
Result<Compiler> compiler_of(const KernelConfig& config);

// Fills `command`, `found` and `identity` with the program of this root that fits.
// Error: missing, naming the package and the compilers of another version that are here.
// `any_version`: where only another major version of the same kind is here, it is taken, with `exact` false.
Result<Compiler> find_compiler(const HostPaths& host, const KernelConfig& config, bool any_version);

// "gcc-12 (Debian 12.2.0-14) 12.2.0" -> 12.2.0; "Debian clang version 16.0.6 (15)" -> 16.0.6.
std::optional<Version> version_in(std::string_view first_line);

}  // namespace vgpukit::kernel
