#include "build/build_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "build/make_command.hpp"
#include "support/scratch.hpp"

namespace vgpukit::build {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

// `cache`: only for tests that build.
kernel::Kernel a_kernel(const std::filesystem::path& cache = {}) {
  kernel::Kernel kernel;
  kernel.host.cache = cache;
  kernel.release = "6.12.95";
  kernel.build = "/usr/src/out";
  kernel.source = "/usr/src/common";
  kernel.compiler.command = "gcc-12";
  kernel.compiler.exact = true;
  return kernel;
}

TEST(MakeCommand, NamesBothHalvesOfSplitHeadersAndNoDebugInformation) {
  BuildRequest request;
  request.jobs = 3;
  auto kernel = a_kernel();
  // 4.18 compiles with debug information if this one option is on.
  kernel.config["CONFIG_DEBUG_INFO"] = kernel.config["CONFIG_DEBUG_INFO_DWARF4"] = "y";
  const auto command = make_command(kernel, request, "/var/tmp/x");
  EXPECT_EQ(command.argv[0], "make");
  for (const char* word : {"-k", "-j3", "-C", "/var/tmp/x", "modules", "SYSSRC=/usr/src/common", "SYSOUT=/usr/src/out",
                           "CONFIG_DEBUG_INFO=", "CONFIG_DEBUG_INFO_DWARF4="}) {
    EXPECT_THAT(command.argv, Contains(word));
  }
  EXPECT_THAT(command.argv, Not(Contains(StartsWith("NV_KERNEL_MODULES="))));
  EXPECT_THAT(command.argv, Not(Contains("CONFIG_DEBUG_INFO_BTF="))) << "the kernel does not have it";
  EXPECT_THAT(command.env, IsEmpty());
  EXPECT_THAT(explain_make_variables(kernel, request),
              HasSubstr("beyond plain make: CONFIG_DEBUG_INFO= CONFIG_DEBUG_INFO_DWARF4= (a module loads without"));
}

TEST(MakeCommand, FirstErrorOnlyStopsAtTheFirstError) {
  BuildRequest request;
  request.first_error_only = true;
  EXPECT_THAT(make_command(a_kernel(), request, "/var/tmp/x").argv, Not(Contains("-k")));
}

TEST(MakeCommand, ModulesDebugInformationAndAnotherCompiler) {
  BuildRequest request;
  request.jobs = 0;
  request.modules = {"nvidia", "nvidia-vgpu-vfio"};
  request.debug_info.kind = kernel::DebugInfo::Kind::as_configured;
  kernel::Kernel kernel = a_kernel();
  kernel.config["CONFIG_DEBUG_INFO"] = "y";
  kernel.compiler.exact = false;
  const auto command = make_command(kernel, request, "/x");
  EXPECT_THAT(command.argv, Contains("NV_KERNEL_MODULES=nvidia nvidia-vgpu-vfio"));
  EXPECT_THAT(command.argv, Contains("-j1"));
  EXPECT_THAT(command.argv, Not(Contains(HasSubstr("CONFIG_DEBUG_INFO"))));
  EXPECT_THAT(command.env, ElementsAre(testing::Pair("IGNORE_CC_MISMATCH", "1")));
}

TEST(MakeCommand, AClangKernelNamesTheToolsThatNvidiasMakefileHandsOn) {
  kernel::Kernel kernel = a_kernel();
  kernel.compiler.kind = kernel::Compiler::Kind::clang;
  kernel.compiler.command = "clang-18";
  kernel.config["CONFIG_LD_IS_LLD"] = "y";
  const auto command = make_command(kernel, {}, "/x");
  EXPECT_THAT(command.argv, Contains(StartsWith("LLVM=")));
  EXPECT_THAT(command.argv, Contains(StartsWith("CC=clang")));
  EXPECT_THAT(command.argv, Contains(StartsWith("LD=ld.lld")));
}

// A driver whose Makefile prints what Kbuild would print and makes what Kbuild would make.
class BuildTest : public testing::Test {
 protected:
  BuildTest() {
    scratch.write("tree/nvidia/nvidia.Kbuild",
                  "NVIDIA_SOURCES = nvidia/nv.c\nNV_CONFTEST_TYPE_COMPILE_TESTS += follow_pfn\n");
    request.tree = scratch.path() / "tree";
    request.log = scratch.path() / "logs/build.log";
  }
  void makefile(const std::string& recipe) { scratch.write("tree/Makefile", ".PHONY: modules\nmodules:\n" + recipe); }
  BuildResult build() {
    auto result = build_tree(a_kernel(scratch.path() / "cache"), request);
    EXPECT_TRUE(result) << result.error().message();
    return result ? *result : BuildResult{};
  }
  Scratch scratch;
  BuildRequest request;
};

const std::string good_recipe =
    "\t@echo ' CONFTEST: follow_pfn'\n"
    "\t@echo '  CC [M]  nvidia/nv.o'\n"
    "\t@echo '  LD [M]  nvidia.ko'; touch nvidia.ko\n";

TEST_F(BuildTest, AGoodBuild) {
  makefile(good_recipe);
  unsigned reports = 0;
  request.on_progress = [&](const BuildProgress&) { ++reports; };
  const auto result = build();
  EXPECT_TRUE(result.built);
  EXPECT_THAT(result.modules, ElementsAre(request.tree / "nvidia.ko"));
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_EQ(result.conftest_tests, 1U);
  EXPECT_EQ(reports, 3U);
  const std::string log = scratch.read("logs/build.log");
  EXPECT_THAT(log, StartsWith("make -k "));
  EXPECT_THAT(log, HasSubstr("\n  LD [M]  nvidia.ko\n"));
}

TEST_F(BuildTest, AWarningSaysThatMakeRanTheConftestTests) {
  scratch.write("tree/Kbuild", "");
  scratch.write("tree/conftest.sh", "");
  makefile(good_recipe);
  const auto result = build();
  EXPECT_TRUE(result.built);
  ASSERT_THAT(result.warnings, SizeIs(1));
  EXPECT_THAT(result.warnings[0].message,
              HasSubstr("make ran the driver's conftest tests itself, which takes longer: "));
  // Not if make ran none either.
  makefile("\t@echo '  LD [M]  nvidia.ko'; touch nvidia.ko\n");
  EXPECT_THAT(build().warnings, IsEmpty());
}

// A ccache that records its arguments, and a compiler.
class CacheTest : public BuildTest {
 protected:
  void SetUp() override {
    old_path_ = ::getenv("PATH");
    const auto bin = scratch.path() / "bin";
    program("gcc-12", "echo compiled > \"$4\"");
    program("ccache", "here=" + bin.string() + R"(
echo "$0 $*" >> $here/../asked
[ ! -e $here/broken ] || { echo 'ccache: error: no space left' >&2; exit 1; }
[ -z "$CCACHE_STATSLOG" ] ||
  printf '%s\n' '# a.c' cache_miss local_storage_miss '# b.c' direct_cache_hit '# c.c' preprocessed_cache_hit \
    >> "$CCACHE_STATSLOG"
exec $here/gcc-12 "$@")");
    ::setenv("PATH", (bin.string() + ":" + old_path_).c_str(), 1);
    makefile(
        "\t@echo '  CC [M]  nvidia/nv.o'; gcc-12 -c nv.c -o nv.o\n\t@echo '  LD [M]  nvidia.ko'; touch nvidia.ko\n");
  }
  void TearDown() override { ::setenv("PATH", old_path_.c_str(), 1); }
  void program(const std::string& name, const std::string& text) {
    std::filesystem::permissions(scratch.write("bin/" + name, "#!/bin/sh\n" + text + "\n"),
                                 std::filesystem::perms::owner_all);
  }
  std::string old_path_;
};

TEST_F(CacheTest, CcacheIsUsedAndTheLogSaysSo) {
  const auto result = build();
  EXPECT_TRUE(result.built);
  EXPECT_EQ(scratch.read("tree/nv.o"), "compiled\n");
  EXPECT_THAT(scratch.read("asked"), HasSubstr("/gcc-12 -c nv.c -o nv.o\n"));
  EXPECT_THAT(scratch.read("logs/build.log"), HasSubstr("ccache: 2 of 3 objects were there\n"));
  EXPECT_THAT(make_command(a_kernel(), request, "/x").argv, Contains("CC=gcc-12")) << "no command line differs";
}

TEST_F(CacheTest, ACcacheThatDoesNotWorkIsNotUsed) {
  scratch.write("bin/broken", "");
  EXPECT_TRUE(build().built);
  EXPECT_EQ(scratch.read("tree/nv.o"), "compiled\n");
  EXPECT_THAT(scratch.read("logs/build.log"),
              HasSubstr("ccache is installed, but not used: ccache: error: no space left\n"));
  EXPECT_THAT(scratch.read("asked"), Not(HasSubstr("nv.c")));
}

TEST_F(CacheTest, ACompilerWithAFolderIsUsedWithoutCcache) {
  auto kernel = a_kernel(scratch.path() / "cache");
  kernel.compiler.command = "/opt/gcc/bin/gcc";
  ASSERT_TRUE(build_tree(kernel, request));
  EXPECT_EQ(scratch.read("asked"), "");
}

TEST_F(BuildTest, ACompileErrorIsAResult) {
  makefile("\t@echo '  CC [M]  nvidia/nv.o'\n\t@echo 'nvidia/nv.c:3:4: error: unknown type name ‘gone’' >&2; false\n");
  const auto result = build();
  EXPECT_FALSE(result.built);
  ASSERT_THAT(result.errors, SizeIs(1));
  EXPECT_EQ(result.errors[0].file, "nvidia/nv.c");
  EXPECT_EQ(result.errors[0].message, "unknown type name 'gone'");
  EXPECT_THAT(scratch.read("logs/build.log"), HasSubstr("nvidia/nv.c:3:4: error:"));
}

TEST_F(BuildTest, AFailureWithoutAMessageHasAnError) {
  makefile("\t@echo something odd; exit 3\n");
  const auto silent = build();
  EXPECT_FALSE(silent.built);
  EXPECT_THAT(silent.errors, Not(IsEmpty()));
}

TEST_F(BuildTest, AnOlderModuleDoesNotMakeAFailedBuildLookBuilt) {
  const auto stale = scratch.write("tree/nvidia.ko", "old");
  std::filesystem::last_write_time(stale, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  makefile("\t@echo 'a.c:1:2: error: x' >&2; false\n");
  const auto result = build();
  EXPECT_FALSE(result.built);
  EXPECT_THAT(result.modules, IsEmpty());
}

TEST_F(BuildTest, ASecondBuildOfAFinishedTreeIsBuilt) {
  const auto finished = scratch.write("tree/nvidia.ko", "done before");
  std::filesystem::last_write_time(finished, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  makefile("\t@true\n");
  const auto result = build();
  EXPECT_TRUE(result.built);
  EXPECT_THAT(result.modules, SizeIs(1));
}

TEST_F(BuildTest, MakeThatSucceedsWithoutModulesHasNotBuilt) {
  makefile("\t@true\n");
  auto result = build();
  EXPECT_FALSE(result.built);
  ASSERT_THAT(result.errors, SizeIs(1));
  EXPECT_THAT(result.errors[0].message, HasSubstr("made no module"));

  makefile("\t@echo '  CC [M]  nvidia/nv.o'; touch other.ko\n");
  result = build();
  EXPECT_FALSE(result.built);
  EXPECT_THAT(result.errors[0].message, HasSubstr("nvidia.ko does not exist"));
}

TEST_F(BuildTest, AModuleThatWasAskedForHasToBeThere) {
  makefile(good_recipe);
  request.modules = {"nvidia", "nvidia-vgpu-vfio"};
  const auto result = build();
  EXPECT_FALSE(result.built);
  ASSERT_THAT(result.errors, SizeIs(1));
  EXPECT_THAT(result.errors[0].message, HasSubstr("nvidia-vgpu-vfio.ko does not exist"));
}

TEST_F(BuildTest, AnErrorMessageInASuccessfulBuildIsAWarning) {
  makefile(good_recipe + "\t@echo '/bin/sh: 1: pahole: not found' >&2\n");
  const auto result = build();
  EXPECT_TRUE(result.built);
  EXPECT_THAT(result.errors, IsEmpty());
  ASSERT_THAT(result.warnings, SizeIs(1));
  EXPECT_EQ(result.warnings[0].kind, diagnostics::Diagnostic::Kind::warning);
}

TEST_F(BuildTest, AConftestThatExitsIsAClearError) {
  makefile(
      "\t@echo \"The C compiler 'gcc-99' does not appear to be able to\"; echo 'create object files.'; echo '*** "
      "Failed CC sanity "
      "check. Bailing out! ***'; false\n");
  const auto result = build();
  ASSERT_THAT(result.errors, SizeIs(1));
  EXPECT_EQ(result.errors[0].tool, "conftest");
  EXPECT_THAT(result.errors[0].message, HasSubstr("'gcc-99' does not appear"));
  EXPECT_EQ(result.compile_seconds, 0);
}

TEST_F(BuildTest, ALogThatCannotBeWrittenIsAnError) {
  makefile(good_recipe);
  scratch.write("file", "");
  request.log = scratch.path() / "file/build.log";
  const auto result = build_tree(a_kernel(scratch.path() / "cache"), request);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::missing);
  EXPECT_THAT(result.error().message(), HasSubstr("write the build log"));
}

}  // namespace
}  // namespace vgpukit::build
