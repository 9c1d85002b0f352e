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

// A kernel whose build fails if make is told that `option` is off.
kernel::Kernel kernel_that_needs(const test::TempFolder& folder, const std::string& option) {
  auto kernel = test::fake_kernel(folder);
  kernel.config["CONFIG_DEBUG_INFO"] = kernel.config["CONFIG_DEBUG_INFO_BTF"] = "y";
  const auto makefile = read_file(kernel.build / "Makefile").value();
  test::put(kernel.build / "Makefile",
            "ifeq ($(origin " + option + "),command line)\n$(error error: no " + option + ")\nendif\n" + makefile);
  return kernel;
}

std::vector<std::string> texts(const std::vector<MakeVariable>& variables) {
  std::vector<std::string> all;
  for (const auto& each : variables) all.push_back(each.text);
  return all;
}

TEST(ProbeBuild, DebugInformationIsLeftOutUnlessTheBuildNeedsIt) {
  if (!test::can_build()) GTEST_SKIP() << "needs make and gcc";
  const test::TempFolder folder;
  auto kernel = kernel_that_needs(folder, "CONFIG_NOT_USED");
  auto probe = build_probe(kernel, "");
  ASSERT_TRUE(probe) << probe.error().message();
  EXPECT_EQ(texts(debug_info_variables(kernel, probe->debug_info)),
            (Words{"CONFIG_DEBUG_INFO=", "CONFIG_DEBUG_INFO_BTF="}));

  const test::TempFolder versions;  // gendwarfksyms
  kernel = kernel_that_needs(versions, "CONFIG_DEBUG_INFO");
  probe = build_probe(kernel, "");
  ASSERT_TRUE(probe) << probe.error().message();
  const auto variables = debug_info_variables(kernel, probe->debug_info);
  EXPECT_EQ(texts(variables), (Words{"CONFIG_DEBUG_INFO_BTF=", "LDFLAGS_MODULE=--strip-debug"}));
  EXPECT_NE(variables[1].reason.find("error: no CONFIG_DEBUG_INFO"), std::string::npos) << variables[1].reason;

  const test::TempFolder btf;
  kernel = kernel_that_needs(btf, "CONFIG_DEBUG_INFO_BTF");
  probe = build_probe(kernel, "");
  ASSERT_TRUE(probe) << probe.error().message();
  EXPECT_TRUE(debug_info_variables(kernel, probe->debug_info).empty());
  EXPECT_NE(probe->debug_info.why.find("no CONFIG_DEBUG_INFO_BTF"), std::string::npos) << probe->debug_info.why;
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
