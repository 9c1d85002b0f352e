// Finds the commit of a clone of the kernel's repository after which a header lacks what the driver uses.
#pragma once

#include <filesystem>
#include <string>

#include "authoring/kernel_commit.hpp"
#include "diagnostics/api_changes.hpp"
#include "diagnostics/declarations.hpp"
#include "support/result.hpp"

namespace vgpukit::authoring {

// Error: usage if there is no repository, or if it has no commit.
Status check_clone(const std::filesystem::path& repository);

// `release`: of the kernel to build for. The history is that of its tag (7.3.4-amd64: v7.3.4, or v7.3), or of HEAD.
// `before`: the declaration in the older kernel; null for a header. Error: usage: why no commit is found (nothing is
// known of older kernels, the clone is older than the change, or shallow); interrupted.
Result<KernelCommit> commit_that_changed(const std::filesystem::path& repository, const std::string& release,
                                         const diagnostics::ApiChange& api, const diagnostics::Declaration* before);

}  // namespace vgpukit::authoring
