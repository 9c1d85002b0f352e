// For what must survive a SIGKILL at any moment.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string_view>

namespace vgpukit::test {

// Runs `work` in a child that is killed at its step number `at`. False when there are fewer steps. `work` takes what is
// to be called at each step, and gives what says whether it succeeded.
template <class Work>
bool killed_at(int at, Work work) {
  const pid_t child = ::fork();
  if (child == 0) {
    int steps = 0;
    const auto done = work([&](std::string_view) {
      if (steps++ == at) ::kill(::getpid(), SIGKILL);
    });
    ::_exit(done ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return true;
  EXPECT_EQ(WEXITSTATUS(status), 0);
  return false;
}

}  // namespace vgpukit::test
