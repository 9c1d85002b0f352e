#include "conftest/conftest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "kernel/fake_kernel.hpp"

namespace vgpukit::conftest {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

// The parts of a driver that ask the kernel, in the driver's form, without Kbuild around them.
constexpr const char* makefile = R"(.PHONY: modules
modules:
	@$(MAKE) -f Kbuild obj=$(CURDIR) src=$(CURDIR) KBUILD_EXTMOD=$(CURDIR)
)";
constexpr const char* kbuild = R"kbuild(NV_CONFTEST_CMD := /bin/sh $(src)/conftest.sh "$(CC)" x86_64 $(SYSSRC) $(SYSOUT)
# From gcc 14 on a missing declaration is an error, and such a test is always "present".
NV_CONFTEST_CFLAGS := -O2 -nostdinc -w -I$(SYSSRC)/include -Wno-error=implicit-function-declaration
NV_CONFTEST_FUNCTION_COMPILE_TESTS := function gone_function
NV_CONFTEST_TYPE_COMPILE_TESTS := thing two_steps
NV_HEADER_PRESENCE_TESTS := linux/thing.h linux/gone.h
ALL := headers functions types generic macros symbols
modules: $(addprefix $(obj)/conftest/,patches.h $(addsuffix .h,$(ALL)))
$(obj)/conftest/patches.h:
	@mkdir -p $(obj)/conftest/compile-tests
	@$(NV_CONFTEST_CMD) patch_check > $@
$(obj)/conftest/headers.h: $(obj)/conftest/patches.h
	@for name in $(NV_HEADER_PRESENCE_TESTS); do \
	  $(NV_CONFTEST_CMD) test_kernel_header '$(NV_CONFTEST_CFLAGS)' $$name; done > $@
$(obj)/conftest/compile-tests/%.h: $(obj)/conftest/headers.h
	@$(NV_CONFTEST_CMD) compile_tests '$(NV_CONFTEST_CFLAGS)' $* > $@
tests_of = $(addprefix $(obj)/conftest/compile-tests/,$(addsuffix .h,$(1)))
$(obj)/conftest/functions.h: $(call tests_of,$(NV_CONFTEST_FUNCTION_COMPILE_TESTS))
$(obj)/conftest/types.h: $(call tests_of,$(NV_CONFTEST_TYPE_COMPILE_TESTS))
$(addprefix $(obj)/conftest/,functions.h types.h generic.h macros.h symbols.h):
	@cat $^ /dev/null > $@
)kbuild";
constexpr const char* script = R"script(#!/bin/sh
cd "$(dirname "$0")" || exit 1
CC=$1 ARCH=$2 SOURCES=$3 OUTPUT=$4
CONFTEST_PREAMBLE="#include \"conftest/headers.h\"
#include <linux/module.h>"
test_header_presence() {
    file_define=NV_`echo "$1" | tr '/.-' '___' | tr 'a-z' 'A-Z'`_PRESENT
    if echo "#include <$1>" | $CC $CFLAGS -E -M - > /dev/null 2>&1; then
        echo "#define $file_define"
    else
        echo "#undef $file_define"
    fi
}
compile_check_conftest() {
    CODE="$1"
    DEF="$2"
    VAL="$3"
    CAT="$4"
    echo "$CONFTEST_PREAMBLE
    $CODE" > conftest$$.c
    $CC $CFLAGS -c conftest$$.c > /dev/null 2>&1
    COMPILED=$?
    rm -f conftest$$.c conftest$$.o
    if [ "$CAT" = "functions" ]; then
        if [ $COMPILED -eq 0 ]; then echo "#undef $DEF"; else echo "#define $DEF $VAL"; fi
    else
        if [ $COMPILED -eq 0 ]; then echo "#define $DEF $VAL"; else echo "#undef $DEF"; fi
    fi
}
compile_test() {
    case "$1" in
        function)
            compile_check_conftest "#include <linux/thing.h>
            void conftest_function(void) { function(); }" "NV_FUNCTION_PRESENT" "" "functions" ;;
        gone_function)
            compile_check_conftest "#include <linux/thing.h>
            void conftest_gone_function(void) { gone_function(); }" "NV_GONE_FUNCTION_PRESENT" "" "functions" ;;
        thing)
            compile_check_conftest "#include <linux/thing.h>
            struct thing conftest_thing;" "NV_THING_PRESENT" "" "types" ;;
        two_steps)
            # The second question depends on the first answer.
            echo "$CONFTEST_PREAMBLE
            #include <linux/thing.h>
            int conftest_two_steps(struct thing *thing) { return thing->gone; }" > conftest$$.c
            $CC $CFLAGS -c conftest$$.c > /dev/null 2>&1
            rm -f conftest$$.c
            if [ -f conftest$$.o ]; then
                rm -f conftest$$.o
                echo "#define NV_THING_STEPS 1"
                return
            fi
            echo "$CONFTEST_PREAMBLE
            #include <linux/thing.h>
            int conftest_two_steps(struct thing *thing) { return thing->a; }" > conftest$$.c
            $CC $CFLAGS -c conftest$$.c > /dev/null 2>&1
            rm -f conftest$$.c
            if [ -f conftest$$.o ]; then
                rm -f conftest$$.o
                echo "#define NV_THING_STEPS 2"
            else
                echo "#undef NV_THING_STEPS"
            fi ;;
    esac
}
case "$5" in
    patch_check) echo "static const char *__nv_patches[] = { 0 };"; exit 0 ;;
    compile_tests)
        shift 5
        CFLAGS=$1
        shift
        for i in $*; do compile_test $i; done
        exit 0 ;;
    test_kernel_header) CFLAGS=$6; test_header_presence "$7"; exit 0 ;;
esac
)script";

class AnswerConftest : public testing::Test {
 protected:
  using Files = std::map<std::string, std::string>;

  void SetUp() override {
    if (!test::can_build()) GTEST_SKIP() << "there is no make or gcc";
    put_driver("driver");
  }
  void put_driver(const std::string& name) const {
    test::put(folder / name / "Makefile", makefile);
    test::put(folder / name / "Kbuild", driver_kbuild);
    test::put(folder / name / "conftest.sh", conftest_script, 0755);
  }
  [[nodiscard]] Command make(const std::string& name) const {
    Command command;
    command.argv = {"make",
                    "-C",
                    (folder / name).string(),
                    "modules",
                    "SYSSRC=" + (folder / "build").string(),
                    "SYSOUT=" + (folder / "build").string(),
                    "CC=gcc"};
    return command;
  }
  // The files that make writes in another copy of the driver, without vgpukit.
  Files by_make() const {
    fs::remove_all(folder / "by-make");
    put_driver("by-make");
    const auto outcome = run(make("by-make"));
    EXPECT_TRUE(outcome && outcome->ok()) << (outcome ? outcome->err : outcome.error().message());
    return files_of("by-make");
  }
  [[nodiscard]] Files files_of(const std::string& name) const {
    Files files;
    for (const auto& entry : fs::recursive_directory_iterator(folder / name / "conftest"))
      if (entry.is_regular_file())
        files[entry.path().lexically_relative(folder / name).string()] = *read_file(entry.path());
    return files;
  }
  [[nodiscard]] std::vector<std::string> left_in(const std::string& name) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder / name)) names.push_back(entry.path().filename());
    return names;
  }
  ConftestRun answer() {
    kernel::Facts facts(test::fake_kernel(folder));
    auto answered = answer_conftest(facts, {folder / "driver", {}, false, 2, {}}, make("driver"));
    EXPECT_TRUE(answered) << answered.error().message();
    return answered ? *answered : ConftestRun{};
  }

  test::TempFolder folder;
  std::string conftest_script = script;
  std::string driver_kbuild = kbuild;
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST_F(AnswerConftest, WritesWhatMakeWouldWrite) {
  const auto answered = answer();
  EXPECT_TRUE(answered.answered);
  EXPECT_EQ(answered.tests, 6U);
  EXPECT_GT(answered.compiled, 0U);
  const auto files = files_of("driver");
  EXPECT_EQ(files, by_make());
  EXPECT_EQ(files.at("conftest/headers.h"), "#define NV_LINUX_THING_H_PRESENT\n#undef NV_LINUX_GONE_H_PRESENT\n");
  EXPECT_EQ(files.at("conftest/functions.h"), "#define NV_FUNCTION_PRESENT \n#undef NV_GONE_FUNCTION_PRESENT\n");
  EXPECT_EQ(files.at("conftest/types.h"), "#define NV_THING_PRESENT \n#define NV_THING_STEPS 2\n");
  EXPECT_THAT(left_in("driver"), UnorderedElementsAre("Makefile", "Kbuild", "conftest.sh", "conftest"));
}

// 460 to 515.43: Kbuild has no list of headers, a function of conftest.sh has it.
TEST_F(AnswerConftest, ReadsTheListOfHeadersFromTheScript) {
  driver_kbuild = replaced(driver_kbuild, "NV_HEADER_PRESENCE_TESTS := linux/thing.h linux/gone.h\n", "");
  driver_kbuild = replaced(driver_kbuild,
                           "\t@for name in $(NV_HEADER_PRESENCE_TESTS); do \\\n"
                           "\t  $(NV_CONFTEST_CMD) test_kernel_header '$(NV_CONFTEST_CFLAGS)' $$name; done > $@\n",
                           "\t@$(NV_CONFTEST_CMD) test_kernel_headers '$(NV_CONFTEST_CFLAGS)' > $@\n");
  const std::string one = script;
  const auto begin = one.find("test_header_presence() {");
  const auto end = one.find("compile_check_conftest() {");
  conftest_script = one.substr(0, begin) + R"(translate_and_preprocess_header_files() {
    TEST_CFLAGS=`echo "-E -M $CFLAGS " | sed -e 's/\( -M[DG]\)* / /g'`
    for file in $@; do
        local file_define=NV_`echo $file | tr '/.-' '___' | tr 'a-z' 'A-Z'`_PRESENT
        CODE="#include <$file>"
        if echo "$CODE" | $CC $TEST_CFLAGS - > /dev/null 2>&1; then
            echo "#define $file_define"
        elif echo "$CODE" | $CC $TEST_CFLAGS -MG - > /dev/null 2>&1; then
            echo "#undef $file_define"
        else
            echo "#define $file_define"
        fi
    done
}
test_headers() {
    #
    # Which headers (of a set) are provided by the kernel.
    #
    FILES="linux/thing.h"
    FILES="$FILES linux/gone.h"

    translate_and_preprocess_header_files $FILES
}
)" + one.substr(end);
  conftest_script = replaced(conftest_script, "test_kernel_header) CFLAGS=$6; test_header_presence \"$7\"; exit 0 ;;",
                             "test_kernel_headers) CFLAGS=$6; test_headers; exit 0 ;;");
  put_driver("driver");
  const auto answered = answer();
  EXPECT_TRUE(answered.answered);
  EXPECT_EQ(answered.tests, 6U);
  EXPECT_GT(answered.compiled, 0U);
  EXPECT_EQ(files_of("driver"), by_make());
  EXPECT_EQ(files_of("driver").at("conftest/headers.h"),
            "#define NV_LINUX_THING_H_PRESENT\n#undef NV_LINUX_GONE_H_PRESENT\n");
}

TEST_F(AnswerConftest, MakeThenRunsNoTest) {
  answer();
  test::put(folder / "driver/conftest.sh", "#!/bin/sh\ntouch \"$(dirname \"$0\")/asked\"\n", 0755);
  const auto outcome = run(make("driver"));
  ASSERT_TRUE(outcome && outcome->ok()) << outcome->err;
  EXPECT_FALSE(fs::exists(folder / "driver/asked"));
}

TEST_F(AnswerConftest, TheSameQuestionsAreAnsweredFromTheCache) {
  const auto first = answer();
  const auto files = files_of("driver");
  fs::remove_all(folder / "driver/conftest");
  const auto second = answer();
  EXPECT_TRUE(second.answered);
  EXPECT_EQ(second.compiled, 0U);
  EXPECT_EQ(second.compilers, 0U);
  EXPECT_EQ(second.cached, first.tests);
  EXPECT_EQ(files_of("driver"), files);
}

TEST_F(AnswerConftest, ATestWhoseScriptFailsIsLeftToMake) {
  const std::string whole = script;
  const auto at = whole.find("        thing)\n") + 15;
  conftest_script =
      whole.substr(0, at) + "            echo 'this kernel is not supported' >&2; exit 1\n" + whole.substr(at);
  put_driver("driver");
  const auto answered = answer();
  EXPECT_FALSE(answered.answered);
  const auto files = files_of("driver");
  EXPECT_TRUE(files.contains("conftest/functions.h"));
  EXPECT_FALSE(files.contains("conftest/compile-tests/thing.h")) << "make runs this test, and shows the error";
  EXPECT_FALSE(files.contains("conftest/types.h"));
}

TEST_F(AnswerConftest, WhenKbuildCannotBeAskedNothingIsWritten) {
  test::put(folder / "driver/Kbuild", "$(error this kernel is too old)\n");
  const auto answered = answer();
  EXPECT_FALSE(answered.answered);
  EXPECT_EQ(answered.given_up, "Kbuild did not say how it calls conftest.sh");
  EXPECT_EQ(answered.tests, 0U);
  EXPECT_THAT(left_in("driver"), UnorderedElementsAre("Makefile", "Kbuild", "conftest.sh"));
}

TEST_F(AnswerConftest, AnEarlierRunOfMakeIsNotChanged) {
  test::put(folder / "driver/conftest/headers.h", "of make\n");
  EXPECT_FALSE(answer().answered);
  EXPECT_EQ(files_of("driver"), (Files{{"conftest/headers.h", "of make\n"}}));
}

}  // namespace
}  // namespace vgpukit::conftest
