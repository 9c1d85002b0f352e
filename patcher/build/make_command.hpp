// The one command line that builds a driver's modules for a kernel.
#pragma once

#include "build/build_tree.hpp"
#include "kernel/kernel.hpp"
#include "support/process.hpp"

namespace vgpukit::build {

// What vgpukit tells make beyond a plain `make modules` for these headers, and why.
std::vector<kernel::MakeVariable> make_variables(const kernel::Kernel& kernel, const BuildRequest& request);
// The same as lines for a log; variables with one reason share a line.
std::string explain_make_variables(const kernel::Kernel& kernel, const BuildRequest& request);

// `tree`: as seen from inside the kernel's root. Only argv, root and env are set.
Command make_command(const kernel::Kernel& kernel, const BuildRequest& request, const std::string& tree);

}  // namespace vgpukit::build
