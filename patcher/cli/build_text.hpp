// The report of a build as text, for `build` and for dkms's log.
#pragma once

#include "build/build_report.hpp"
#include "cli/cli.hpp"

namespace vgpukit::cli {

// Prints to stdout what was built, or the errors with what is known about them. `same_build`: the driver and the
// options with which another command works on the same build, such as "535 --accept gpl-export".
void print_build_report(const build::BuildReport& report, const Globals& globals, const std::string& same_build);
Exit exit_of_build(const build::BuildReport& report);

}  // namespace vgpukit::cli
