#include "cli/progress.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace vgpukit::cli {
namespace {

using build::BuildProgress;
using Phase = BuildProgress::Phase;

TEST(ProgressText, HasABarTheFilesAndTheSecondsLeft) {
  const BuildProgress state{Phase::compile, 50, 200, "nvidia/nv.c"};
  EXPECT_EQ(progress_text(state, 10, true), "compiling [#####---------------] 50/200, 30 s left, nvidia/nv.c");
  EXPECT_EQ(progress_text(state, 10, false), "compiling 50/200, 30 s left, nvidia/nv.c");
}

TEST(ProgressText, EstimatesNothingFromFewFilesAndForOtherPhases) {
  EXPECT_EQ(progress_text({Phase::compile, 2, 200, "a.c"}, 9, false), "compiling 2/200, a.c");
  EXPECT_EQ(progress_text({Phase::conftest, 50, 100, "x"}, 9, false), "asking the kernel 50/100, x");
  EXPECT_EQ(progress_text({Phase::link, 5, 5, ""}, 9, true), "linking [####################] 5/5");
  EXPECT_EQ(progress_text({Phase::conftest, 0, 0, "x"}, 9, true), "asking the kernel x");
}

TEST(Progress, RewritesItsLineOnTheTerminalThatItGotAndRemovesIt) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal < 0) GTEST_SKIP() << "there is no /dev/ptmx here, as in a chroot";
  ASSERT_EQ(::grantpt(terminal), 0);
  ASSERT_EQ(::unlockpt(terminal), 0);
  const int other = ::open(::ptsname(terminal), O_WRONLY | O_NOCTTY);
  ASSERT_GE(other, 0);
  {
    Progress progress("6.12", true, other);
    progress.show(BuildProgress{Phase::compile, 1, 4, "a.c"});
  }
  ::close(other);
  // One read may get the first of two writes; the last read fails, because the other end is closed.
  std::string text;
  char some[256];
  for (ssize_t got = 0; (got = ::read(terminal, some, sizeof some)) > 0;)
    text.append(some, static_cast<std::size_t>(got));
  ::close(terminal);
  EXPECT_EQ(text, "\r6.12: compiling [#####---------------] 1/4, a.c\033[K\r\033[K");
}

}  // namespace
}  // namespace vgpukit::cli
