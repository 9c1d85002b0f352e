// Between process.cpp (starts one program, through Boost.Process) and process_run.cpp (waits for it). Nobody else
// includes this.
#pragma once

#include <sys/types.h>

#include "support/descriptor.hpp"
#include "support/process.hpp"

namespace vgpukit {

// A program that was started. It leads a process group whose id is `pid`; whoever holds this waits for it.
struct Launched {
  pid_t pid = -1;
  Descriptor out;  // the reading ends of its standard output and error
  Descriptor err;
};

Result<Launched> launch(const Command& command);

}  // namespace vgpukit
