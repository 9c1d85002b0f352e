// A build that is there already: whether its folder is one of vgpukit's, and its modules are as they were built.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "build/build_report.hpp"
#include "recipe/plan.hpp"
#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::build {

// The report of the build in `output`, if it has the same inputs and its modules are unchanged; none otherwise, also if
// the folder is neither below host.state nor recorded by record_output(). A strict build does not take one in which the
// compiler decided about a recipe, or that was built with --accept adapted.
std::optional<BuildReport> unchanged_build(const HostPaths& host, const std::filesystem::path& output,
                                           const std::string& inputs, recipe::Strict strict);

// Records in host.state which files a build has put into a folder that the user named.
Status record_output(const HostPaths& host, const std::filesystem::path& output);

// Whether a build may replace this folder that the user named: it does not exist, is empty, or has only what a build
// has put there. Error: usage.
Status check_output(const std::filesystem::path& output);

}  // namespace vgpukit::build
