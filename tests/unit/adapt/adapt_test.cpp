#include "adapt/adapt.hpp"

#include <algorithm>

#include "adapt/adapt_fixture.hpp"
#include "authoring/git_clone.hpp"

namespace vgpukit::adapt {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Le;
using testing::Not;

TEST_F(AdaptTest, ARenameIsFoundAndProven) {
  old_header("int new_call(int a);\nstatic inline int old_call(int a) { return new_call(a); }\n");
  header("int new_call(int a);\n");
  exported = {"new_call"};
  package({{"nvidia/nv.c", "#include <linux/api.h>\nint nv_init(void) { return old_call(1); }\n"}});
  const auto report = adapt_it();
  EXPECT_TRUE(report.green) << text;
  EXPECT_THAT(changes_of(report), ElementsAre("rename-call old_call -> new_call"));
  EXPECT_THAT(text, HasSubstr("result: it builds with the proposals"));
}

// The include path of every file is lost, so that nothing else could be tried.
TEST_F(AdaptTest, AVariableOfTheMakefilesIsRenamedFirst) {
  old_header("int new_call(int a);\nstatic inline int old_call(int a) { return new_call(a); }\n");
  header("int new_call(int a);\n");
  exported = {"new_call"};
  put(folder / "old/Makefile", "ccflags-y += $(EXTRA_CFLAGS)\n");
  put(folder / "new/Makefile", "c_flags = $(ccflags-y)\n");
  driver::testing_driver::Files more = {
      {"own/version.h", "#define NV_NUMBER 1\n"},
      {"nvidia/nv.c",
       "#include <linux/api.h>\n#include \"version.h\"\nint nv_init(void) { return old_call(NV_NUMBER); }\n"}};
  more["Kbuild"] = small_driver({})["Kbuild"] + "EXTRA_CFLAGS += -Iown\n";
  package(more);
  const auto report = adapt_it();
  EXPECT_TRUE(report.green) << text;
  EXPECT_THAT(changes_of(report),
              ElementsAre("kbuild-variable rename EXTRA_CFLAGS -> ccflags-y", "rename-call old_call -> new_call"));
  EXPECT_THAT(text, HasSubstr("6.1.0-old adds its value to ccflags-y, which this kernel reads"));
}

// z.c has an old_call() of its own, which nv.h then no longer calls. It is not among the files that are tried.
TEST_F(AdaptTest, AProposalThatMakesAnotherFileRedIsTakenBack) {
  old_header("int new_call(int a);\nstatic inline int old_call(int a) { return new_call(a); }\n");
  header("int new_call(int a);\n");
  exported = {"new_call"};
  const std::string user = "#include <linux/api.h>\n#include \"nv.h\"\n";
  package({{"common/nv.h", "static inline int nv_call(int a) { int b = a + 1; return old_call(b); }\n"},
           {"nvidia/nv.c", user},
           {"nvidia/nv2.c", user},
           {"nvidia/nv3.c", user},
           {"nvidia/z.c", "static int old_call(int a) { return a; }\n#include \"nv.h\"\n"}});
  const auto report = adapt_it();
  EXPECT_FALSE(report.green);
  EXPECT_THAT(report.proposals, IsEmpty());
  EXPECT_THAT(text, HasSubstr("result: it does not build"));
  EXPECT_THAT(text, HasSubstr("rename-call old_call -> new_call"));
  EXPECT_THAT(text, HasSubstr("it makes another error: common/nv.h:1: implicit declaration of function 'new_call'"));
  EXPECT_THAT(text, HasSubstr("errors that are left:\n  common/nv.h:1: implicit declaration of function 'old_call'"));
}

TEST_F(AdaptTest, AProposalThatTheKernelsLoaderRefusesIsTakenBack) {
  old_header("int new_call(int a);\nstatic inline int old_call(int a) { return new_call(a); }\n");
  header("int new_call(int a);\n");
  package({{"nvidia/nv.c", "#include <linux/api.h>\nint nv_init(void) { int a = 1; return old_call(a); }\n"}});
  const auto report = adapt_it();  // no one exports new_call
  EXPECT_FALSE(report.green);
  EXPECT_THAT(report.proposals, IsEmpty());
  EXPECT_THAT(text, HasSubstr("it makes another error: verify: nvidia: Unknown symbol new_call"));
  EXPECT_THAT(text, HasSubstr("errors that are left:\n  nvidia/nv.c:2: implicit declaration of function 'old_call'"));
}

TEST_F(AdaptTest, TwoChangesThatNeedEachOtherAreTakenTogether) {
  old_header("int mid_call(int a, long b);\nstatic inline int old_call(int a, long b) { return mid_call(a, b); }\n");
  header("int mid_call(int a);\n");
  exported = {"mid_call"};
  package({{"nvidia/nv.c", "#include <linux/api.h>\nint nv_init(void) { return old_call(1, 2); }\n"}});
  const auto report = adapt_it();
  EXPECT_TRUE(report.green) << text;
  EXPECT_THAT(changes_of(report), ElementsAre("rename-call old_call -> mid_call",
                                              "rename-call mid_call -> mid_call of arguments 2 with $1"));
  EXPECT_THAT(text, HasSubstr("taken, together with the next one"));
}

// What failed is tried again when nothing else helps, and not after each proposal for another file.
TEST_F(AdaptTest, WhatFailedIsTriedOnceMoreAtTheEnd) {
  std::string old = "int grab(int a, long b, char *c);\n";
  std::string now = "int grab(int a, long b);\n";
  driver::testing_driver::Files files = {
      {"nvidia/a.c", "#include <linux/api.h>\nint nv_a(void) { return grab(1, 2, 0) +\ngrab(1, 2, 0, 4); }\n"},
      {"nvidia/nv.c", "int nv_init(void) { return 0; }\n"}};
  exported = {"grab"};
  for (const std::string name : {"b", "c", "d"}) {
    old += "static inline int old_" + name + "(int a) { return now_" + name + "(a); }\n";
    now += "int now_" + name + "(int a);\n";
    exported.push_back("now_" + name);
    files["nvidia/" + name + ".c"] =
        "#include <linux/api.h>\nint nv_" + name + "(void) { return old_" + name + "(1); }\n";
  }
  old_header(now.substr(now.find('\n') + 1) + old);
  header(now);
  package(files);
  const auto report = adapt_it();
  EXPECT_EQ(report.proposals.size(), 3U) << text;
  const auto of_grab = std::count_if(report.tried.begin(), report.tried.end(),
                                     [](const Tried& each) { return each.subject == "function grab()"; });
  EXPECT_THAT(of_grab, AllOf(Ge(1), Le(2))) << text;
}

// Each is the other's name in the old kernel, and both are gone.
TEST_F(AdaptTest, TwoProposalsThatUndoEachOtherEnd) {
  old_header(
      "static inline int old_b(int x) { return old_a(x); }\n"
      "static inline int old_a(int x) { return old_b(x); }\n");
  package({{"nvidia/nv.c", "#include <linux/api.h>\nint nv_init(void) { return old_a(1) + old_b(2); }\n"}});
  const auto report = adapt_it();
  EXPECT_FALSE(report.green);
  EXPECT_THAT(report.proposals, IsEmpty()) << text;
  EXPECT_THAT(text, AllOf(HasSubstr("it needs function old_a(), which is an error, too"),
                          HasSubstr("it needs function old_b(), which is an error, too"),
                          HasSubstr("the search ended: nothing else is known that could help")));
}

TEST_F(AdaptTest, AFieldIsRenamedInEachOfTwoStructures) {
  old_header("struct one { int *state; };\nstruct two { int *state; };\n");
  header("struct one { int *new_state; };\nstruct two { int *new_state; };\n");
  package({{"nvidia/nv.c",
            "#include <linux/api.h>\nint nv_init(struct one *a, struct two *b);\n"
            "int nv_init(struct one *a, struct two *b) { return *a->state +\n*b->state; }\n"}});
  const auto report = adapt_it();
  EXPECT_TRUE(report.green) << text;
  EXPECT_THAT(changes_of(report),
              ElementsAre("rename-token a->state -> a->new_state", "rename-token b->state -> b->new_state"));
}

// <linux/api.h> cannot be included alone, so that it answers no question.
TEST_F(AdaptTest, AHeaderThatNeedsOthersLeavesTheKernelsVersionAsCondition) {
  old_header("struct one { handle_t old; int *state; };\n");
  header("struct one { handle_t old; int *new_state; };\n");
  package({{"nvidia/nv.c",
            "typedef int handle_t;\n#include <linux/api.h>\nint nv_init(struct one *a);\n"
            "int nv_init(struct one *a) { return *a->state; }\n"}});
  const auto report = adapt_it();
  EXPECT_TRUE(report.green) << text;
  EXPECT_THAT(changes_of(report), ElementsAre("rename-token a->state -> a->new_state"));
  EXPECT_THAT(text, HasSubstr("when:\n  kernel:\n    version: \">=6.99\"\n  driver:"));
}

TEST_F(AdaptTest, AKernelThatBuildsNoModuleIsNamed) {
  package({{"nvidia/nv.c", "#include <linux/api.h>\nint nv_init(void) { return old_call(1); }\n"}});
  makefile = "modules:\n\t@echo 'include/linux/kconfig.h:1:1: error: unknown type name x' >&2; exit 2\n";
  const auto error = error_of_adapt();
  EXPECT_EQ(error.kind, ErrorKind::failed);
  EXPECT_THAT(error.message(), AllOf(HasSubstr("build an empty module for 6.99.0-fake"), HasSubstr("unknown type name"),
                                     HasSubstr("the driver is not involved")));
}

TEST_F(AdaptTest, AHeaderOfTheKernelThatIsBrokenIsNamed) {
  old_header("struct gone { int a; };\n");
  header("struct broken { int a }\nextern int variable;\n");
  package({{"nvidia/nv.c", "#include <linux/api.h>\nint nv_init(void) { struct gone g; return g.a; }\n"}});
  const auto error = error_of_adapt();
  EXPECT_EQ(error.kind, ErrorKind::failed);
  EXPECT_THAT(error.message(), AllOf(HasSubstr("adapt 535.261.03 to 6.99.0-fake"), HasSubstr("linux/api.h"),
                                     HasSubstr("does not compile without the driver either"), HasSubstr("install")));
}

class MachineTest : public AdaptTest {
 protected:
  void SetUp() override {
    AdaptTest::SetUp();
    old_header("int new_call(int a);\nstatic inline int old_call(int a) { return new_call(a); }\n");
    header("int new_call(int a);\n");
    exported = {"new_call"};
    package({{"nvidia/nv.c", "#include <linux/api.h>\nint nv_init(void) { return old_call(1); }\n"}});
  }
  Error error_with_compiler(const std::string& script) {
    put(folder / "cc", "#!/bin/sh\n" + script + "\nexec gcc \"$@\"\n");
    fs::permissions(folder / "cc", fs::perms(0755));
    return error_of_adapt();
  }
};

TEST_F(MachineTest, AFullDiskEndsAtOnce) {
  const auto error = error_with_compiler(
      "echo 'nvidia/nv.c:3:1: fatal error: error writing to /tmp/cc1.s: No space left on device' >&2; exit 1");
  EXPECT_EQ(error.kind, ErrorKind::no_space);
  EXPECT_THAT(error.message(), AllOf(HasSubstr("535.261.03 for 6.99.0-fake"), HasSubstr("No space left on device"),
                                     HasSubstr("free some space")));
}

TEST_F(MachineTest, ACompilerThatCrashesEndsAtOnce) {
  const auto error =
      error_with_compiler("echo 'nvidia/nv.c:2:5: internal compiler error: Segmentation fault' >&2; exit 1");
  EXPECT_EQ(error.kind, ErrorKind::failed);
  EXPECT_THAT(error.message(), AllOf(HasSubstr("internal compiler error: Segmentation fault"),
                                     HasSubstr("the compiler crashed"), HasSubstr("memory")));
}

TEST_F(MachineTest, ACompilerThatIsKilledEndsAtOnce) {
  const auto error = error_with_compiler(
      "echo 'gcc: fatal error: Killed signal terminated program cc1' >&2; echo 'compilation terminated.' >&2; exit 1");
  EXPECT_EQ(error.kind, ErrorKind::failed);
  EXPECT_THAT(error.message(), AllOf(HasSubstr("Killed signal terminated program cc1"), HasSubstr("--jobs 1")));
}

TEST_F(MachineTest, ACompilerThatIsKilledWhileAProposalIsTriedEndsAtOnce) {
  const auto error = error_with_compiler("case \"$*\" in *-fsyntax-only*) kill -9 $$;; esac");
  EXPECT_EQ(error.kind, ErrorKind::failed);
  EXPECT_THAT(error.message(), AllOf(HasSubstr("nvidia/nv.c"), HasSubstr("signal 9"), HasSubstr("--jobs 1")));
}

// A program that gets the modules, as tests/card/works.py does.
class ExerciseTest : public AdaptTest {
 protected:
  void SetUp() override {
    AdaptTest::SetUp();
    old_header("void signal(int a, long b);\n");
    header("void signal(int a);\n");
    exported = {"signal"};
    package({{"nvidia/nv.c", "#include <linux/api.h>\nint nv_init(void) { signal(1, 2); return 0; }\n"}});
  }
  AdaptReport with_program(const std::string& end) {
    put(folder / "use", "test -s \"$2/nvidia.ko\" && test \"$1 $3 $4\" = '--card 6.99.0-fake /' || exit 9\n" + end);
    exercise = {"sh", (folder / "use").string(), "--card"};
    return adapt_it();
  }
};

TEST_F(ExerciseTest, WhatWorksIsExercised) {
  const auto report = with_program("echo '6.99.0-fake used the modules: 12 checks'\n");
  EXPECT_TRUE(report.green) << text;
  EXPECT_THAT(text, HasSubstr("the modules: they were used: 6.99.0-fake used the modules: 12 checks\n"));
  EXPECT_THAT(text, AllOf(HasSubstr("\nadapted: exercised\n"), Not(HasSubstr("adapted: compiles"))));
}

TEST_F(ExerciseTest, WhatDoesNotWorkIsTakenBack) {
  const auto report = with_program("echo 'BUG: kernel NULL pointer dereference'; exit 1\n");
  EXPECT_FALSE(report.green);
  EXPECT_THAT(report.proposals, IsEmpty());
  EXPECT_THAT(text, HasSubstr("it makes another error: exercise: BUG: kernel NULL pointer dereference"));
  EXPECT_THAT(text, HasSubstr("errors that are left:\n  nvidia/nv.c:2: too many arguments to function 'signal'"));
}

TEST_F(ExerciseTest, ADriverThatBuildsWithoutAProposalIsUsedToo) {
  package({{"nvidia/nv.c", "#include <linux/api.h>\nint nv_init(void) { signal(1); return 0; }\n"}});
  EXPECT_TRUE(with_program("echo '12 checks'\n").green);
  EXPECT_THAT(text, HasSubstr("result: it builds without proposals\n"));
  EXPECT_THAT(text, HasSubstr("the modules: they were used: 12 checks\n"));
  EXPECT_FALSE(with_program("echo 'BUG: kernel NULL pointer dereference'; exit 1\n").green);
  EXPECT_THAT(text, HasSubstr("result: it builds, and does not work\n"));
  EXPECT_THAT(text, HasSubstr("the search ended: it builds and is verified, and does not work\n"));
}

TEST_F(ExerciseTest, AMachineThatCannotUseThemIsTold) {
  const auto report = with_program("echo 'no QEMU with vfio-user'; exit 3\n");
  EXPECT_TRUE(report.green) << text;
  EXPECT_THAT(text, HasSubstr("the modules: not used, because that is not possible on this machine: no QEMU with "
                              "vfio-user\n"));
  EXPECT_THAT(text, HasSubstr("\nadapted: compiles\n"));
}

TEST_F(AdaptTest, ACommitOfTheKernelShowsTheChangeAndIsNamed) {
  if (!find_program("git")) GTEST_SKIP() << "there is no git";
  test::GitClone clone;
  const auto first = "void ring(int a);\n";
  const auto now = "void sound(int how, int a);\n#define LOUD 3\n";
  clone.commit("one", {{"include/linux/api.h", first}, {"a.c", "void a(void)\n{\n\tring(2);\n}\n"}});
  const auto id = clone.commit("ticker: replace ring()",
                               {{"include/linux/api.h", now}, {"a.c", "void a(void)\n{\n\tsound(LOUD, 2);\n}\n"}});
  clone.git({"tag", "v6.98-rc1"});
  old_header(first);
  header(now);
  exported = {"sound"};
  package({{"nvidia/nv.c", "#include <linux/api.h>\nint nv_init(void) { ring(1); return 0; }\n"}});
  EXPECT_FALSE(adapt_it().green) << "without the repository nothing shows it";
  repository = clone.path();
  const auto report = adapt_it();
  EXPECT_TRUE(report.green) << text;
  EXPECT_THAT(changes_of(report), ElementsAre("rename-call ring -> sound of arguments 1 with LOUD, $1"));
  const auto commit = id.substr(0, 12);
  EXPECT_THAT(
      text, HasSubstr("the kernel's repository:\n  function ring(): 6.98, " + commit + " (ticker: replace ring())\n"));
  EXPECT_THAT(text, HasSubstr("\nupstream: [{release: \"6.98\", subject: \"ticker: replace ring()\", commit: \"" +
                              commit + "\"}]\n"));
}

TEST_F(AdaptTest, AFolderThatIsNoRepositoryEndsBeforeTheBuild) {
  package({{"nvidia/nv.c", "#include <linux/api.h>\nint nv_init(void) { return old_call(1); }\n"}});
  repository = folder / "old";
  const auto error = error_of_adapt();
  EXPECT_EQ(error.kind, ErrorKind::usage);
  EXPECT_THAT(error.message(), AllOf(HasSubstr("read the kernel's repository"), HasSubstr("--repository DIR")));
}

TEST_F(AdaptTest, ADriverThatBuildsOnNoKernelIsTold) {
  package(
      {{"nvidia/nv.c", "int nv_init( { return 1; }\n"}, {"nvidia/os.c", "int os_init(void) { return nv_name; }\n"}});
  const auto report = adapt_it();
  EXPECT_FALSE(report.green);
  EXPECT_THAT(report.tried, IsEmpty());
  EXPECT_THAT(report.proposals, IsEmpty());
  EXPECT_THAT(text, HasSubstr("none of the errors that are left names something of the kernel"));
}

TEST_F(AdaptTest, WhatIsFoundStaysIfAnErrorOfTheDriverIsLeft) {
  old_header("int new_call(int a);\nstatic inline int old_call(int a) { return new_call(a); }\n");
  header("int new_call(int a);\n");
  exported = {"new_call"};
  package({{"nvidia/nv.c", "#include <linux/api.h>\nint nv_init(void) { return old_call(1); }\n"},
           {"nvidia/os.c", "int os_init(void) { return nv_name; }\n"}});
  const auto report = adapt_it();
  EXPECT_FALSE(report.green);
  EXPECT_THAT(changes_of(report), ElementsAre("rename-call old_call -> new_call"));
  EXPECT_THAT(text, HasSubstr("errors that are left:\n  nvidia/os.c:1: 'nv_name' undeclared"));
  EXPECT_THAT(text, HasSubstr("none of the errors that are left names something of the kernel"));
}

}  // namespace
}  // namespace vgpukit::adapt
