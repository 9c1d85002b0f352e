// Ends the commands that this process runs when it is killed itself. PR_SET_PDEATHSIG ends only a command's own
// process: make would die, and its compilers would go on. The sandbox has a process namespace for that instead.
#pragma once

#include <sys/types.h>

namespace vgpukit {

// To be called before a fork: where the child announces itself; -1 if nothing watches.
int watch_socket();
// In the child, before it executes anything (a parent that is killed right after the fork could not do it any more):
// from now on its process group, which has its id, is killed when the parent ends without end_watch(), even by SIGKILL.
void watch_this_group(int socket);
void end_watch(pid_t group);

}  // namespace vgpukit
