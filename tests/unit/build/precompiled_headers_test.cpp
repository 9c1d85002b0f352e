// kbuild/precompiled-headers.sh in the compiler wrapper with this machine's gcc. tests/tools/headers_compare.cpp
// compares whole drivers.
#include "build/precompiled_headers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "support/atomic_file.hpp"
#include "support/scratch.hpp"
#include "support/text.hpp"

namespace vgpukit::build {
namespace {

using testing::HasSubstr;

// The files of a dependency list.
std::vector<std::string> files_of(const std::string& list) {
  auto words = split_words(list);
  std::erase(words, "\\");
  return words;
}

class CompileWithHeaders : public testing::Test {
 protected:
  void SetUp() override {
    if (!find_program("gcc")) GTEST_SKIP() << "no gcc";
    // What a precompiled header could lose: a register variable, the next __COUNTER__, the file name of a line.
    scratch.write("kconfig.h", "#define CONFIG_X 1\n");
    scratch.write("inc/kernel.h",
                  "#ifndef KERNEL_H\n#define KERNEL_H\n"
                  "register unsigned long current_stack_pointer asm(\"rsp\");\n"
                  "#define STRING_(x) #x\n#define STRING(x) STRING_(x)\n"
                  "#define NAME STRING(KBUILD_BASENAME)\n"
                  "enum { first = __COUNTER__ };\n"
                  "static inline const char *where(void) { return __FILE__; }\n"
                  "extern void release(int *);\n"
                  "#ifdef CONFIG_X\nstruct thing { int a[CONFIG_X]; };\n#endif\n"
                  "#endif\n");
    scratch.write("nvidia/own.h",
                  "#ifndef OWN_H\n#define OWN_H\n#include \"kernel.h\"\nstruct own { int b; };\n#endif\n");
    text =
        "#include \"own.h\"\n"
        "int next = __COUNTER__;\n"
        "const char *name = NAME;\n"
        "const char *place(void) { return where(); }\n"
        "int f(int *p, struct own *o) { int r = 0; if (o->b) { release(p); r = p[1]; } release(p); return r; }\n";
    for (const char* file : {"a", "b", "c"}) scratch.write("nvidia/" + std::string(file) + ".c", text);
    scratch.write("folder/compile.sh", *read_file(VGPUKIT_SOURCE_DIR "/kbuild/precompiled-headers.sh"));
    scratch.write("folder/0.txt", "#include \"kernel.h\"\n");
    for (const char* file : {"a", "b", "c"})
      scratch.write("folder/of/nvidia/" + std::string(file) + ".c", "0\nnvidia/own.h inc/kernel.h\n");
    fs::rename(folder(), scratch.path() / ".vgpukit-compiler");
  }
  [[nodiscard]] fs::path folder() const {
    const auto hidden = scratch.path() / ".vgpukit-compiler";
    return fs::exists(hidden) ? hidden : scratch.path() / "folder";
  }

  struct Compiled {
    Outcome outcome;
    std::string object, dependencies;
  };
  // Compiles as Kbuild does, with the compiler alone or with the wrapper.
  Compiled compile(bool shared, const std::string& file, const std::vector<std::string>& more = {}) {
    const auto tree = scratch.path().string();
    const std::string base = (folder_of_files / file).string();
    const std::string list = tree + "/nvidia/." + file + ".d";
    Command command;
    const auto compiler = find_program("gcc")->string();
    if (shared) {
      command.argv = {"/bin/sh", VGPUKIT_SOURCE_DIR "/kbuild/compiler.sh"};
      command.env = {{"VGPUKIT_COMPILER", compiler}, {"VGPUKIT_WRAPPER", folder().string()}, {"VGPUKIT_TREE", tree}};
      if (only_headers) command.env["VGPUKIT_ONLY_HEADERS"] = "1";
    } else {
      command.argv = {compiler};
    }
    command.argv.insert(command.argv.end(),
                        {"-Wp,-MMD," + list, "-I" + tree + "/inc", "-include", tree + "/kconfig.h", "-O2", "-Wall"});
    command.argv.insert(command.argv.end(), more.begin(), more.end());
    command.argv.insert(command.argv.end(), {"-DKBUILD_BASENAME=" + file, "-c", "-o", base + ".o", base + ".c"});
    Compiled result;
    result.outcome = run(command).value();
    if (auto object = read_file(base + ".o")) result.object = *std::move(object);
    if (auto dependencies = read_file(list)) result.dependencies = *std::move(dependencies);
    std::error_code ignored;
    fs::remove(base + ".o", ignored);
    fs::remove(list, ignored);
    return result;
  }
  void expect_same(const std::string& file, const std::vector<std::string>& more = {}) {
    const auto plain = compile(false, file, more);
    const auto shared = compile(true, file, more);
    EXPECT_EQ(plain.outcome.status, shared.outcome.status) << shared.outcome.err;
    EXPECT_EQ(plain.outcome.err, shared.outcome.err);
    EXPECT_TRUE(plain.object == shared.object) << file << ".o differs";
    EXPECT_EQ(files_of(plain.dependencies), files_of(shared.dependencies));
  }
  [[nodiscard]] bool made() const { return fs::exists(folder() / "0.h.gch"); }
  // Whether this file was compiled with the precompiled header.
  [[nodiscard]] bool used(const std::string& file) const {
    return fs::exists(folder() / "of/nvidia" / (file + ".c.used"));
  }

  Scratch scratch;
  std::string text;
  bool only_headers = false;
  fs::path folder_of_files = scratch.path() / "nvidia";
};

TEST_F(CompileWithHeaders, TheObjectAndWhatItDependsOnAreTheSame) {
  for (const char* file : {"a", "b", "c"}) {
    expect_same(file);
    EXPECT_TRUE(used(file));
  }
  EXPECT_TRUE(made());
}

// Checks that the tests above would find a lost register variable.
TEST_F(CompileWithHeaders, ARegisterThatIsAVariableIsSaidAgain) {
  compile(true, "a");
  EXPECT_EQ(read_file(folder() / "0.after.h").value(),
            "register unsigned long vgpukit_current_stack_pointer asm(\"rsp\");\n");
}

TEST_F(CompileWithHeaders, AFileThatIsNotKnownIsTheCompilersOwn) {
  scratch.write("nvidia/d.c", text);
  expect_same("d");
  EXPECT_FALSE(made());
}

TEST_F(CompileWithHeaders, OtherOptionsDoNotFit) {
  expect_same("a");
  ASSERT_TRUE(made());
  expect_same("b", {"-DCONFIG_Y=1"});
  EXPECT_FALSE(used("b"));
  expect_same("c", {"-include", (scratch.path() / "kconfig.h").string()});
  EXPECT_FALSE(used("c"));
  folder_of_files = scratch.path() / "nvidia/../nvidia";  // names in messages and dependency lists would differ
  expect_same("b");
  EXPECT_FALSE(used("b"));
  folder_of_files = scratch.path() / "nvidia";
  expect_same("b");
  EXPECT_TRUE(used("b"));
}

TEST_F(CompileWithHeaders, AnErrorIsReportedOnceAndAsEver) {
  scratch.write("nvidia/a.c", text + "int broken(void) { return none; }\n");
  const auto plain = compile(false, "a");
  const auto shared = compile(true, "a");
  EXPECT_NE(shared.outcome.status, 0);
  EXPECT_EQ(shared.outcome.status, plain.outcome.status);
  EXPECT_EQ(shared.outcome.err, plain.outcome.err);
  EXPECT_THAT(shared.outcome.err, HasSubstr("none"));
}

TEST_F(CompileWithHeaders, WarningsAreNotLost) {
  scratch.write("nvidia/a.c", text + "static int nobody_needs_it;\n");
  expect_same("a");
  EXPECT_TRUE(used("a"));
  EXPECT_THAT(compile(true, "a").outcome.err, HasSubstr("nobody_needs_it"));
}

TEST_F(CompileWithHeaders, HeadersCanBeMadeAheadOfTheFiles) {
  scratch.write("inc/kernel.h", read_file(scratch.path() / "inc/kernel.h").value() +
                                    "#ifndef TWICE\n#define TWICE\n#warning old\n#endif\n");
  only_headers = true;
  const auto ahead = compile(true, "a");
  EXPECT_EQ(ahead.outcome.status, 0);
  EXPECT_EQ(ahead.object, "");
  EXPECT_EQ(ahead.outcome.err, "");
  ASSERT_TRUE(made());
  compile(true, "b");  // the header exists already
  EXPECT_FALSE(used("b"));
  only_headers = false;
  // Warnings about the headers are printed once, for the first file.
  EXPECT_THAT(compile(true, "b").outcome.err, HasSubstr("old"));
  EXPECT_TRUE(used("b"));
  EXPECT_EQ(compile(true, "c").outcome.err, "");
  EXPECT_TRUE(used("c"));
}

TEST_F(CompileWithHeaders, WhatGoesWrongAheadLeavesTheFilesToTheCompiler) {
  scratch.write("inc/kernel.h", "#error broken\n");
  only_headers = true;
  const auto ahead = compile(true, "a");
  EXPECT_EQ(ahead.object + ahead.outcome.err, "");
  only_headers = false;
  expect_same("a");
  EXPECT_FALSE(made());
}

TEST_F(CompileWithHeaders, AHeaderThatHoldsTheFilesNameIsNotShared) {
  scratch.write("inc/kernel.h", read_file(scratch.path() / "inc/kernel.h").value() +
                                    "static inline const char *n(void) { return NAME; }\n");
  scratch.write("nvidia/a.c", "#include \"kernel.h\"\nconst char *f(void) { return n(); }\n");
  expect_same("a");
  EXPECT_FALSE(made());
}

TEST_F(CompileWithHeaders, AHeaderThatAsksForTheFilesNameIsNotShared) {
  scratch.write("inc/kernel.h", "#ifdef KBUILD_BASENAME\nstatic inline int named(void) { return 1; }\n#endif\n");
  scratch.write("nvidia/a.c", "#include \"kernel.h\"\nint f(void) { return named(); }\n");
  expect_same("a");
  EXPECT_FALSE(made());
}

TEST_F(CompileWithHeaders, AMacroOfTheFilesThatTheHeadersUseIsSeen) {
  auto kernel = read_file(scratch.path() / "inc/kernel.h").value();
  kernel.resize(kernel.size() - std::string("#endif\n").size());
  scratch.write("inc/kernel.h", kernel +
                                    "#ifdef ASKED\nstatic inline int asked(void) { return 1; }\n#else\n"
                                    "static inline int asked(void) { return 2; }\n#endif\n"
                                    "struct used { int USED; int b; };\n#endif\n");
  const auto defining = [&](const std::string& file, const std::string& macro) {
    scratch.write("nvidia/" + file + ".c", "#define " + macro + "\n" + text + "int g(void) { return asked(); }\n");
    scratch.write(".vgpukit-compiler/of/nvidia/" + file + ".c", "0 UNKNOWN " + macro + "\nnvidia/own.h inc/kernel.h\n");
  };
  defining("a", "ASKE");  // the headers contain it only as a part of longer words
  expect_same("a");
  EXPECT_TRUE(used("a"));
  defining("b", "ASKED");
  expect_same("b");
  EXPECT_FALSE(used("b"));
  defining("c", "USED");
  expect_same("c");
  EXPECT_FALSE(used("c"));
}

TEST_F(CompileWithHeaders, ARegisterThatIsDeclaredInAnotherWayIsNotUnderstood) {
  scratch.write("inc/kernel.h", "register unsigned long\n  current_stack_pointer asm(\"rsp\");\n");
  scratch.write("nvidia/a.c", "#include \"kernel.h\"\nint f(void) { return 1; }\n");
  expect_same("a");
  EXPECT_FALSE(made());
}

TEST_F(CompileWithHeaders, AHeaderThatDoesNotCompileIsTheFilesOwnError) {
  scratch.write("inc/kernel.h", "#error broken\n");
  expect_same("a");
  EXPECT_FALSE(made());
}

TEST_F(CompileWithHeaders, APrecompiledHeaderThatGccDoesNotWantIsNoHeader) {
  compile(true, "a");
  ASSERT_TRUE(made());
  scratch.write(".vgpukit-compiler/0.h.gch", "cut off");
  expect_same("b");
  scratch.write(".vgpukit-compiler/0.h.gch", "");
  expect_same("c");
}

TEST_F(CompileWithHeaders, WhereNothingCanBeWrittenTheCompilerDoesItAll) {
  fs::remove_all(folder() / "of/nvidia");
  scratch.write(".vgpukit-compiler/of/nvidia/a.c", "0\n");
  fs::remove(folder() / "0.txt");
  expect_same("a");
  scratch.write(".vgpukit-compiler/of/nvidia/b.c", "");
  expect_same("b");
  scratch.write(".vgpukit-compiler/of/nvidia/c.c", "../../nothing/here\n");
  expect_same("c");
}

}  // namespace
}  // namespace vgpukit::build
