#include "kernel/probe.hpp"

#include <gtest/gtest.h>

#include "kernel/fake_kernel.hpp"

namespace vgpukit::kernel {
namespace {

using Words = std::vector<std::string>;

TEST(CommandWords, AreWhatTheShellWouldSee) {
  EXPECT_EQ(
      command_words(
          "cmd_/x/probe.o :=  gcc-12 -DKBUILD_BASENAME='\"probe\"' -D\"KBUILD_STR(s)=$(pound)s\" -DA=\\\"x\\\" -c "
          "-o p.o p.c\n\nsource_...")
          .value(),
      (Words{"gcc-12", "-DKBUILD_BASENAME=\"probe\"", "-DKBUILD_STR(s)=#s", "-DA=\"x\"", "-c", "-o", "p.o", "p.c"}));
  EXPECT_EQ(
      command_words("savedcmd_probe.o := gcc \"-DB=\\#s\" -DD=$$x '' p.c   ; ./tools/objtool --module p.o\n").value(),
      (Words{"gcc", "-DB=#s", "-DD=$x", "", "p.c"}));
  EXPECT_EQ(command_words("cmd_x := gcc -E\"a\\\"b\\c\" x.c | grep\n").value(), (Words{"gcc", "-Ea\"b\\c", "x.c"}));
}

TEST(CommandWords, WhatIsNoCommandIsAnError) {
  EXPECT_FALSE(command_words(""));
  EXPECT_FALSE(command_words("cmd_x := \n"));
  EXPECT_FALSE(command_words("cmd_x := gcc 'open\n"));
  EXPECT_FALSE(command_words("cmd_x := gcc \"open\n"));
}

TEST(CompileWords, KeepWhatDecidesAndMakePathsAbsolute) {
  EXPECT_EQ(compile_words({"ccache", "gcc", "-Wp,-MMD,/x/.probe.o.d", "-nostdinc", "-I./include", "-I/abs/include",
                           "-isystem", "lib", "-include", "./kconfig.h", "-fplugin=scripts/p.so", "-Iinclude/../uapi",
                           "-DX", "-c", "-o", "/x/probe.o", "/x/probe.c"},
                          "/usr/src/build"),
            (Words{"gcc", "-nostdinc", "-I/usr/src/build/include", "-I/abs/include", "-isystem", "/usr/src/build/lib",
                   "-include", "/usr/src/build/kconfig.h", "-fplugin=/usr/src/build/scripts/p.so",
                   "-I/usr/src/build/uapi", "-DX"}));
}

TEST(ProbeBuild, TellsHowThisKernelCompiles) {
  if (!test::can_build()) GTEST_SKIP() << "needs make and gcc";
  const test::TempFolder folder;
  const auto kernel = test::fake_kernel(folder);
  const auto probe = build_probe(kernel, "");
  ASSERT_TRUE(probe) << probe.error().message();
  EXPECT_EQ(probe->vermagic, "6.99.0-fake SMP mod_unload ");
  EXPECT_EQ(probe->directory, kernel.build);
  EXPECT_EQ(probe->compile, (Words{"gcc", "-nostdinc", "-I" + (kernel.build / "include").string(), "-D__KERNEL__",
                                   "-Werror=implicit-function-declaration", "-DKBUILD_MODNAME=\"probe\""}));
  EXPECT_TRUE(fs::is_empty(kernel.host.work())) << "the scratch folder is left";
}

TEST(ProbeBuild, AModuleThatDoesNotBuildBlamesHeadersAndCompiler) {
  if (!test::can_build()) GTEST_SKIP() << "needs make and gcc";
  const test::TempFolder folder;
  const auto kernel = test::fake_kernel(folder);
  test::put(kernel.build / "include/linux/module.h", "#error \"these headers are broken\"\n");
  const auto probe = build_probe(kernel, "");
  ASSERT_FALSE(probe);
  EXPECT_EQ(probe.error().kind, ErrorKind::failed);
  EXPECT_NE(probe.error().why.find("these headers are broken"), std::string::npos) << probe.error().message();
  EXPECT_TRUE(fs::is_empty(kernel.host.work())) << "the scratch folder is left";
}

TEST(ProbeBuild, ACacheThatCannotBeWrittenIsNoReasonToFail) {
  if (!test::can_build()) GTEST_SKIP() << "needs make and gcc";
  const test::TempFolder folder;
  auto kernel = test::fake_kernel(folder);
  test::put(folder / "file", "");
  kernel.host.cache = folder / "file/cache";  // below a file: not even root can make it
  EXPECT_TRUE(build_probe(kernel, ""));
}

}  // namespace
}  // namespace vgpukit::kernel
