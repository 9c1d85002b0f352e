// Headers that many C files of a driver begin with, compiled once: more than half of the compiler's time is reading them again for
// each file. The objects are the same as without, byte by byte.
#pragma once

#include <string>

#include "build/build.hpp"
#include "kernel/compiler_stand_in.hpp"

namespace vgpukit {

// Looks what the C files of the modules begin with, once conftest/ is complete, and puts what the stand-in for the compiler needs
// into its folder. Nothing - and the compiler does it all as ever - where there is nothing to share, where most objects are there
// already, with clang, with debug information, on other processors than x86, or where the disk has no room for it (70 MB for each).
void share_headers(const Kernel& kernel, const BuildRequest& request, const CompilerStandIn& stand_in, Command& make);

// A line for the log, after make. Empty where nothing was shared.
std::string shared_headers_said(const CompilerStandIn& stand_in);

}  // namespace vgpukit
