#include "diagnostics/diagnostics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace vgpukit::diagnostics {
namespace diagnostics_test {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

DiagnosticCollector read(const std::string& text, const std::string& tree = "/var/tmp/tree") {
  DiagnosticCollector collector(tree);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) collector.line(line);
  return collector;
}

DiagnosticCollector read_fixture(const std::string& name) {
  std::ifstream file(std::string(VGPUKIT_SOURCE_DIR) + "/tests/fixtures/build-logs/" + name);
  EXPECT_TRUE(file) << name;
  std::stringstream text;
  text << file.rdbuf();
  return read(text.str());
}

// The only error of a log.
Diagnostic only(const std::string& text) {
  const auto errors = read(text).errors();
  EXPECT_THAT(errors, SizeIs(1));
  return errors.empty() ? Diagnostic{} : errors.front();
}

TEST(Diagnostics, Of470On612AreThreeInTwoFiles) {
  const auto errors = read_fixture("470-on-6.12.log").errors();
  ASSERT_THAT(errors, SizeIs(3));
  EXPECT_EQ(errors[0].file, "nvidia/os-mlock.c");
  EXPECT_EQ(errors[0].line, 23);
  EXPECT_EQ(errors[0].column, 12);
  EXPECT_EQ(errors[0].function, "nv_follow_pfn");
  EXPECT_EQ(errors[0].tool, "gcc");
  EXPECT_EQ(errors[0].message,
            "implicit declaration of function 'follow_pfn'; did you mean 'folio_pfn'? "
            "[-Werror=implicit-function-declaration]");
  EXPECT_THAT(errors[0].hint, HasSubstr("does not declare follow_pfn()"));
  EXPECT_EQ(errors[1].message, "'const struct drm_mode_config_funcs' has no member named 'output_poll_changed'");
  EXPECT_THAT(errors[1].hint, HasSubstr("no member output_poll_changed"));
  EXPECT_EQ(errors[2].file, "nvidia-drm/nvidia-drm-drv.c");
}

TEST(Diagnostics, ObjtoolHasOneWarningForAllAddresses) {
  const auto warnings = read_fixture("470-on-6.12.log").warnings();
  std::vector<std::string> objtool;
  for (const auto& one : warnings)
    if (one.tool == "objtool") objtool.push_back(one.file + ": " + one.message);
  EXPECT_THAT(objtool, ElementsAre("nvidia-modeset.o: data relocation to !ENDBR"));
}

TEST(Diagnostics, Of535On72HaveRelativePathsAndAreListedOnce) {
  const auto errors = read_fixture("535-on-7.2.log").errors();
  ASSERT_THAT(errors, SizeIs(42));
  EXPECT_EQ(errors[0].file, "common/inc/nv-mm.h");  // ././common/inc/nv-mm.h in the log
  EXPECT_THAT(errors[0].more, ElementsAre("common/inc/nv-mm.h:324"));
  const auto header =
      std::find_if(errors.begin(), errors.end(), [](const Diagnostic& one) { return one.file.starts_with('/'); });
  ASSERT_NE(header, errors.end());
  EXPECT_EQ(header->line, 610);
  EXPECT_THAT(header->more, Contains(StartsWith("nvidia-drm/nvidia-drm-modeset.c")))
      << "an error in a kernel header names the driver's file";
  EXPECT_THAT(errors.back().hint, HasSubstr("/proc must be mounted"));
}

TEST(Diagnostics, QuotesOfAnyLocaleAreOneMessage) {
  const auto errors =
      read(
          "a.c:1:2: error: \xe2\x80\x98no_llseek\xe2\x80\x99 undeclared here (not in a function)\n"
          "b.c:7:2: error: 'no_llseek' undeclared here (not in a function)\n"
          "\x1b[01mc.c:8:3:\x1b[m \x1b[31merror:\x1b[m 'no_llseek' undeclared here (not in a function)\r\n")
          .errors();
  ASSERT_THAT(errors, SizeIs(1));
  EXPECT_EQ(errors[0].message, "'no_llseek' undeclared here (not in a function)");
  EXPECT_THAT(errors[0].more, ElementsAre("b.c:7", "c.c:8"));
}

TEST(Diagnostics, AnotherGuessOrFlagIsTheSameMessage) {
  const auto errors =
      read(
          "a.c:1:2: error: implicit declaration of function 'f'; did you mean 'g'? "
          "[-Werror=implicit-function-declaration]\n"
          "b.c:1:2: error: implicit declaration of function 'f'; did you mean 'h'? [-Wimplicit-function-declaration]\n"
          "b.c:9:2: error: implicit declaration of function 'ff' [-Wimplicit-function-declaration]\n")
          .errors();
  ASSERT_THAT(errors, SizeIs(2));
  EXPECT_THAT(errors[0].more, ElementsAre("b.c:1"));
}

TEST(Diagnostics, ANameOfTheDriverHasAHintOfItsOwn) {
  const auto error = only(
      "nvidia/nv.c:12:3: error: 'NV_VERSION_STRING' undeclared here (not in a function)\n"
      "nvidia/nv-vgpu.c:64:9: error: 'NV_VERSION_STRING' undeclared (first use in this function)\n");
  EXPECT_THAT(error.more, ElementsAre("nvidia/nv-vgpu.c:64"));
  EXPECT_THAT(error.hint, HasSubstr("ccflags-y"));
  EXPECT_THAT(only("a.c:1:1: error: 'no_llseek' undeclared here (not in a function)\n").hint,
              HasSubstr("no longer has no_llseek"));
}

TEST(Diagnostics, TheSamePlaceFromManyFilesIsOnePlace) {
  const auto warnings = read("x.h:5:1: warning: w [-Wx]\nx.h:5:1: warning: w [-Wx]\n").warnings();
  ASSERT_THAT(warnings, SizeIs(1));
  EXPECT_THAT(warnings[0].more, IsEmpty());
}

TEST(Diagnostics, SourceLinesCaretsAndNotesAreIgnored) {
  const auto log = read(
      "a.c: In function 'f':\n"
      "   12 |     printk(\"x: error: y\");\n"
      "      |            ^~~~~\n"
      "  printk(\"old gcc: error: quoted\");\n"
      "a.c:12:3: note: each undeclared identifier is reported only once\n"
      "cc1: some warnings being treated as errors\n"
      "compilation terminated.\n");
  EXPECT_THAT(log.errors(), IsEmpty());
  EXPECT_THAT(log.warnings(), IsEmpty());
}

TEST(Diagnostics, MakesMessagesFollowFromTheCompilers) {
  const std::string make =
      "make[3]: *** [Makefile:1: a.o] Error 1\nmake[3]: *** Waiting for unfinished jobs....\nmake: *** [Makefile:80: "
      "modules] "
      "Error 2\n";
  EXPECT_THAT(read("a.c:1:2: error: x\n" + make).errors(), SizeIs(1));
  const auto alone = read(make).errors();
  ASSERT_THAT(alone, SizeIs(2)) << "without other errors, those of make are listed";
  EXPECT_EQ(alone[0].tool, "make");
}

TEST(Diagnostics, LinkerErrorsFollowTheCompilers) {
  const auto errors = read(
                          "a.c:1:2: error: x\n"
                          "ld: cannot find nvidia/os-mlock.o: No such file or directory\n"
                          "collect2: error: ld returned 1 exit status\n")
                          .errors();
  ASSERT_THAT(errors, SizeIs(1));
  EXPECT_EQ(errors[0].tool, "gcc");
}

TEST(Diagnostics, UndefinedReferencesAreGroupedBySymbol) {
  const auto errors = read(
                          "x86_64-linux-gnu-ld: nvidia/nv.o: in function `nv_open':\n"
                          "/var/tmp/tree/nvidia/nv.c:12:(.text+0x1c): undefined reference to `gone'\n"
                          "/var/tmp/tree/nvidia/nv.c:90:(.text+0x9c): undefined reference to `gone'\n"
                          "ld.lld: error: undefined symbol: other\n")
                          .errors();
  ASSERT_THAT(errors, SizeIs(2));
  EXPECT_EQ(errors[0].tool, "ld");
  EXPECT_EQ(errors[0].message, "undefined reference to 'gone'");
  EXPECT_EQ(errors[0].file, "nvidia/nv.c");
  EXPECT_THAT(errors[0].more, ElementsAre("nvidia/nv.c:90"));
  EXPECT_EQ(errors[1].message, "undefined symbol: other");
}

TEST(Diagnostics, ModpostOfAllVersions) {
  const auto log = read(
      "ERROR: modpost: \"follow_pfn\" [/var/tmp/tree/nvidia.ko] undefined!\n"
      "FATAL: modpost: GPL-incompatible module nvidia.ko uses GPL-only symbol 'follow_pte'\n"
      "ERROR: \"old\" [/var/tmp/tree/nvidia.ko] undefined!\n"
      "ERROR: modpost: module nvidia-vgpu-vfio uses symbol vfio_iommufd_emulated_bind from namespace IOMMUFD, but does "
      "not import "
      "it.\n"
      "WARNING: modpost: missing MODULE_DESCRIPTION() in nvidia.o\n");
  const auto errors = log.errors();
  ASSERT_THAT(errors, SizeIs(4));
  EXPECT_EQ(errors[0].message, "\"follow_pfn\" [nvidia.ko] undefined!");
  EXPECT_EQ(errors[0].file, "");
  EXPECT_THAT(errors[0].hint, HasSubstr("exports follow_pfn"));
  EXPECT_THAT(errors[1].hint, HasSubstr("exports follow_pte to GPL-compatible modules only"));
  EXPECT_EQ(errors[2].tool, "modpost");
  EXPECT_THAT(errors[3].hint, HasSubstr("MODULE_IMPORT_NS"));
  EXPECT_THAT(log.warnings(), SizeIs(1));
}

TEST(Diagnostics, MissingHeader) {
  const auto gcc =
      only("nvidia/nv.c:3:10: fatal error: linux/mdev.h: No such file or directory\ncompilation terminated.\n");
  EXPECT_EQ(gcc.message, "linux/mdev.h: No such file or directory");
  EXPECT_THAT(gcc.hint, HasSubstr("no <linux/mdev.h>"));
  const auto clang = only("nvidia/nv.c:3:10: fatal error: 'linux/mdev.h' file not found\n1 error generated.\n");
  EXPECT_EQ(clang.tool, "clang");
  EXPECT_THAT(clang.hint, HasSubstr("no <linux/mdev.h>"));
}

TEST(Diagnostics, ArgumentCounts) {
  EXPECT_THAT(only("a.c:1:2: error: too many arguments to function 'eventfd_signal'\n").hint,
              StartsWith("eventfd_signal() takes fewer"));
  EXPECT_THAT(only("a.c:1:2: error: too few arguments to function 'fill'; expected 4, have 3\n").hint,
              StartsWith("fill() takes more"));
  EXPECT_THAT(only("a.c:1:2: error: macro \"M\" passed 2 arguments, but takes just 1\n").hint, HasSubstr("macro M"));
}

TEST(Diagnostics, FaultsOfTheMachine) {
  const auto full = only(
      "/tmp/ccA1.s: Fatal error: can't write 12 bytes to section .text of nvidia/nv.o: 'No space left on device'\n");
  EXPECT_EQ(full.tool, "as");
  EXPECT_THAT(full.hint, HasSubstr("disk is full"));
  EXPECT_THAT(only("cat: write error: No space left on device\n").hint, HasSubstr("disk is full"));
  EXPECT_THAT(only("nvidia/nv.c:9:1: fatal error: error writing to /tmp/ccx.s: No space left on device\n").hint,
              HasSubstr("disk is full"));
  const auto killed = only("gcc-12: fatal error: Killed signal terminated program cc1\ncompilation terminated.\n");
  EXPECT_EQ(killed.tool, "gcc");
  EXPECT_EQ(killed.file, "");
  EXPECT_THAT(killed.hint, HasSubstr("--jobs 1"));
  EXPECT_THAT(only("make[4]: *** [Makefile:1: nvidia/nv.o] Killed\n").hint, HasSubstr("--jobs 1"));
  EXPECT_THAT(read("a.c:1:2: error: x\nmake[4]: *** [Makefile:1: nvidia/nv.o] Killed\n").errors(), SizeIs(2))
      << "a kill is an error of its own";
  EXPECT_THAT(only("/bin/sh: 1: gcc-12: not found\nmake: *** [Makefile:1: x] Error 127\n").hint,
              HasSubstr("not installed"));
  EXPECT_THAT(only("gcc: error: unrecognized command-line option '-fmin-function-alignment=16'\n").hint,
              HasSubstr("compiler that built"));
}

TEST(Diagnostics, ErrorsOfMake) {
  const auto rule =
      only("make[4]: *** No rule to make target 'nvidia/nv-kernel.o_binary', needed by 'nvidia/nv-kernel.o'.  Stop.\n");
  EXPECT_THAT(rule.hint, HasSubstr("binary objects"));
  const auto stop = only("Makefile:53: *** Unable to locate kernel source.  Stop.\n");
  EXPECT_EQ(stop.file, "Makefile");
  EXPECT_EQ(stop.line, 53);
  EXPECT_EQ(stop.message, "Unable to locate kernel source");
  EXPECT_EQ(only("make[1]: *** /usr/src/gone: No such file or directory.  Stop.\n").message,
            "/usr/src/gone: No such file or directory");
}

TEST(Diagnostics, TheSentencesBeforeConftestsVerdictAreItsExplanation) {
  const auto error = only(
      " CONFTEST: cc_sanity_check\n"
      "\n"
      "The C compiler 'gcc-99' does not appear to be able to\n"
      "create object files.\n"
      " CONFTEST: list_is_first\n"  // another job
      "\n"
      "*** Failed CC sanity check. Bailing out! ***\n"
      "make[4]: *** [/var/tmp/tree/Kbuild:393: cc_sanity_check] Error 1\n");
  EXPECT_EQ(error.tool, "conftest");
  EXPECT_EQ(error.message,
            "Failed CC sanity check. Bailing out!: The C compiler 'gcc-99' does not appear to be able to create object "
            "files.");
}

TEST(Diagnostics, ConftestWithoutAVerdictIsReadInEitherOrder) {
  const std::string words =
      "The Module.symvers file is missing, or does not contain any\nsymbols exported from the kernel.\n";
  const std::string verdict = "make[4]: *** [/var/tmp/tree/Kbuild:393: module_symvers_sanity_check] Error 1\n";
  for (const std::string& log : {words + verdict, verdict + words}) {
    const auto error = only(log);
    EXPECT_EQ(error.tool, "conftest");
    EXPECT_THAT(error.message, StartsWith("The Module.symvers file is missing, or does not contain any symbols"));
  }
}

TEST(Diagnostics, AnotherCompilerIsAnErrorOrAWarning) {
  EXPECT_THAT(read("*** Failed CC version check. Bailing out! ***\n").errors(), SizeIs(1));
  const auto newer = read("*** Failed CC version check. ***\n");
  EXPECT_THAT(newer.errors(), IsEmpty());
  EXPECT_THAT(newer.warnings(), SizeIs(1));
}

TEST(Diagnostics, ConftestsTablesAreNotErrors) {
  const auto log = read(
      " CONFTEST: follow_pfn\n"
      "#undef NV_FOLLOW_PFN_PRESENT\n"
      "KBUILD_CFLAGS=-Wall -Werror: error: is no message\n"
      " CONFTEST functions.h:\n");
  EXPECT_THAT(log.errors(), SizeIs(0));
}

TEST(Diagnostics, RandomBytesDoNotHideAnError) {
  std::string noise;
  for (int i = 0; i < 20000; ++i) noise += static_cast<char>((i * 7919 + i / 13) & 0xff);
  noise +=
      "\n: error: \nerror: \n:1:2: error:\nmake: ***\n*** ***\n\xe2\x80\nFAILED: \nld:\nmake[\n99999999999:1: error: "
      "x\n";
  EXPECT_THAT(read(noise, "").errors(), Contains(testing::Field(&Diagnostic::message, "x")));
}

TEST(Diagnostics, ALogOfDifferentErrorsHasALimit) {
  std::string log;
  for (int i = 0; i < 100'000; ++i)
    log += "/var/tmp/tree/nvidia/nv.c:1:1: error: implicit declaration of function 'f" + std::to_string(i) + "'\n";
  EXPECT_THAT(read(log).errors(), SizeIs(1000));
}

}  // namespace diagnostics_test
}  // namespace vgpukit::diagnostics
