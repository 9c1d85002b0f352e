// Explains the errors of a failed build: adds what the kernels' headers say about the names in them.
#pragma once

#include <filesystem>
#include <vector>

#include "build/build_report.hpp"
#include "diagnostics/diagnostics.hpp"
#include "kernel/kernel.hpp"

namespace vgpukit::build {

// Reads all headers of this kernel and of older ones in its root, which takes one or two seconds: only for a build that
// failed. `diagnostics`: the first errors of the report were made from these, in the same order. Later errors come from
// the verification.
void explain_errors(BuildReport& report, const std::vector<diagnostics::Diagnostic>& diagnostics,
                    const kernel::Kernel& kernel, const std::filesystem::path& driver);

}  // namespace vgpukit::build
