// Adds to a failed build's errors what the kernels' headers tell of the names that they are about.
#pragma once

#include <filesystem>
#include <vector>

#include "build/build_report.hpp"
#include "diagnostics/diagnostics.hpp"
#include "kernel/kernel.hpp"

namespace vgpukit::build {

// Reads all headers of this kernel and of older ones of its root: a second or two, so only for a build that failed.
// `diagnostics` are those that the first errors of the report were made from, in the same order; later ones (the
// verification's) speak for themselves.
void explain_errors(BuildReport& report, const std::vector<diagnostics::Diagnostic>& diagnostics,
                    const kernel::Kernel& kernel, const std::filesystem::path& driver);

}  // namespace vgpukit::build
