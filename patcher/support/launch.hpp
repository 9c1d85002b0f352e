// Starts a program with Boost.Process v2; process.cpp waits for it. launch.cpp is the only file that includes
// Boost.Process. It must compile with Boost 1.81 (header-only, with the faults noted there) and with the compiled
// library of 1.86 and newer. Boost's wait is not used: it gives neither the CPU time nor the process group.
#pragma once

#include <sys/types.h>

#include "support/descriptor.hpp"
#include "support/process.hpp"

namespace vgpukit {

// The PATH of a program in another root, and of ours when PATH is not set.
inline constexpr std::string_view fixed_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// A program that was started. It leads a process group whose id is `pid`. The caller must wait for it.
struct Launched {
  pid_t pid = -1;
  Descriptor out;  // the reading ends of its standard output and error
  Descriptor err;
};

// Error: missing when the program does not exist or the root cannot be entered.
Result<Launched> launch(const Command& command);

// Programs that are started from now on inherit this descriptor, as do their children; -1: none. A lock on it is then
// held until the last of them has ended, even if this process is killed.
void let_children_hold(int fd);
[[nodiscard]] int held_by_children();

}  // namespace vgpukit
