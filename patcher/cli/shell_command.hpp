// `vgpukit shell`, for the build and for packagers: not shown in --help.
#pragma once

#include "cli/cli.hpp"

namespace vgpukit::cli {

void add_shell(CLI::App& app, Action& action);  // after all other commands: it describes them

}  // namespace vgpukit::cli
