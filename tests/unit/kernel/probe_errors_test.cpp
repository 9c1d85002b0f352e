#include "kernel/probe_errors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpukit::kernel {
namespace {

using testing::HasSubstr;
using testing::Not;

Error error_for(const std::string& output) {
  Kernel kernel;
  kernel.host.root = "/nowhere";
  kernel.release = "6.1.0-57-amd64";
  kernel.build = "/usr/src/linux-headers-6.1.0-57-amd64";
  kernel.compiler.version = *Version::parse("12.2.0");
  kernel.compiler.text = "gcc-12 (Debian 12.2.0-14) 12.2.0";
  kernel.compiler.command = "gcc-11";
  kernel.compiler.identity = "gcc-11 (Debian 11.3.0-12) 11.3.0";
  return probe_error(kernel, output);
}

TEST(ProbeError, AnUnknownOptionIsNotTheHeadersFault) {
  const auto error = error_for(
      "gcc-11: error: unrecognized command-line option '-ftrivial-auto-var-init=zero'\n"
      "make[2]: *** [scripts/Makefile.build:255: probe.o] Error 1\n");
  EXPECT_EQ(error.kind, ErrorKind::missing);
  EXPECT_THAT(error.why, HasSubstr("this compiler does not know an option of that kernel"));
  EXPECT_THAT(error.why, HasSubstr("'-ftrivial-auto-var-init=zero'"));
  EXPECT_THAT(error.next, HasSubstr("install gcc-12"));
  EXPECT_THAT(error.message(), Not(HasSubstr("headers")));
}

TEST(ProbeError, ProgramsThatDoNotStartAreNamed) {
  const auto libc = error_for(
      "scripts/basic/fixdep: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found "
      "(required by scripts/basic/fixdep)\nmake[1]: *** [probe.o] Error 1\n");
  EXPECT_EQ(libc.kind, ErrorKind::missing);
  EXPECT_THAT(libc.why, HasSubstr("compiled for a newer C library"));
  EXPECT_THAT(libc.why, HasSubstr("GLIBC_2.38"));
  const auto other = error_for("/bin/sh: 1: scripts/mod/modpost: Exec format error\n");
  EXPECT_EQ(other.kind, ErrorKind::missing);
  EXPECT_THAT(other.why, HasSubstr("another architecture"));
  const auto asks =
      error_for("Makefile:1006: *** \"Cannot generate ORC metadata, please install libelf-dev\".  Stop.\n");
  EXPECT_EQ(asks.kind, ErrorKind::missing);
  EXPECT_THAT(asks.why, HasSubstr("please install libelf-dev"));
  EXPECT_THAT(error_for("/bin/sh: 1: bc: not found\n").why, HasSubstr("needs bc, which is not installed"));
}

TEST(ProbeError, ACompilerThatCrashesIsBlamedItself) {
  for (const char* said : {"gcc: fatal error: Killed signal terminated program cc1\n",
                           "probe.c:1:1: internal compiler error: Segmentation fault\n"}) {
    const auto error = error_for(said);
    EXPECT_EQ(error.kind, ErrorKind::failed);
    EXPECT_THAT(error.why, HasSubstr("gcc-11 (Debian 11.3.0-12) 11.3.0 crashed"));
  }
}

TEST(ProbeError, AnythingElseIsQuoted) {
  const auto error = error_for("In file included from x.c:1:\nlinux/module.h:7: error: oops\n");
  EXPECT_EQ(error.kind, ErrorKind::failed);
  EXPECT_THAT(error.why, HasSubstr("linux/module.h:7: error: oops"));
  EXPECT_THAT(error.message(), Not(HasSubstr("broken")));
}

}  // namespace
}  // namespace vgpukit::kernel
