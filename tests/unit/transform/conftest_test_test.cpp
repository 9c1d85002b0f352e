#include "transform/shell_script.hpp"
#include "transform/transform_fixtures.hpp"

namespace vgpukit::test {
namespace {

// A conftest.sh with everything that makes the real one hard to read: C in quotes, nested parentheses, comments with
// quotes.
std::string script(const std::string& branches) {
  return "#!/bin/sh\n"
         "# don't trip over this: \" ( case\n"
         "case \"$5\" in\n"
         "    early) echo \"a;;b\" ;;\n"
         "esac\n"
         "compile_test() {\n"
         "    case \"$1\" in\n" +
         branches +
         "        is_export_symbol_present_*)\n"
         "            export_symbol_present_conftest $(echo $1 | cut -f5- -d_)\n"
         "        ;;\n"
         "\n"
         "        # When adding a new test, use the format\n"
         "        *)\n"
         "            echo \"Error: unknown conftest '$1' requested\" >&2\n"
         "            exit 1\n"
         "        ;;\n"
         "    esac\n"
         "}\n"
         "case \"$5\" in\n"
         "    compile_tests) for i in $*; do compile_test $i; done ;;\n"
         "esac\n";
}

const std::string unsafe =
    "        unsafe_follow_pfn)\n"
    "            # Determine if unsafe_follow_pfn() is present; not my_unsafe_follow_pfn\n"
    "            CODE=\"\n"
    "            void conftest_unsafe_follow_pfn(void) {\n"
    "                unsafe_follow_pfn(\\\";;)\\\");\n"
    "            }\"\n"
    "\n"
    "            compile_check_conftest \"$CODE\" \"NV_UNSAFE_FOLLOW_PFN_PRESENT\" \"\" \"functions\"\n"
    "        ;;\n"
    "\n";
const std::string safe =
    "        follow_pfn)\n"
    "            # Determine if follow_pfn() is present; not my_unsafe_follow_pfn\n"
    "            CODE=\"\n"
    "            void conftest_follow_pfn(void) {\n"
    "                follow_pfn(\\\";;)\\\");\n"
    "            }\"\n"
    "\n"
    "            compile_check_conftest \"$CODE\" \"NV_FOLLOW_PFN_PRESENT\" \"\" \"functions\"\n"
    "        ;;\n"
    "\n";
const std::string added =
    "\n"
    "        follow_pfnmap_start)\n"
    "            CODE=\"\n"
    "            #include <linux/mm.h>\n"
    "            void conftest_x(void) {\n"
    "                follow_pfnmap_start(\\\"\\$\\\");\n"
    "            }\"\n"
    "\n"
    "            compile_check_conftest \"$CODE\" \"NV_FOLLOW_PFNMAP_START_PRESENT\" \"\" \"functions\"\n"
    "        ;;\n";

// `script` with `added` behind the last branch that has a name.
std::string script_with(const std::string& branches, const std::string& more) {
  std::string text = script(branches);
  const std::string last = "cut -f5- -d_)\n        ;;\n";
  return text.insert(text.find(last) + last.size(), more);
}

const std::string functions = "NV_CONFTEST_FUNCTION_COMPILE_TESTS += ";
transform::Parameters pfnmap(transform::Parameters more = {}) {
  more.insert(
      {{"test", std::string("follow_pfnmap_start")},
       {"kind", std::string("function")},
       {"code", std::string("#include <linux/mm.h>\nvoid conftest_x(void) {\n    follow_pfnmap_start(\"$\");\n}\n")}});
  return more;
}
transform::Parameters rename(transform::Parameters more = {}) {
  more.insert({{"test", std::string("follow_pfn")}, {"rename-from", std::string("unsafe_follow_pfn")}});
  return more;
}

class ConftestTest : public testing::TestWithParam<Case> {};
TEST_P(ConftestTest, Edits) {
  expect_case("conftest-test", GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Table, ConftestTest,
    testing::ValuesIn(std::vector<Case>{
        {"rename",
         rename(),
         {{"conftest.sh", script(unsafe)},
          {"nvidia/nvidia.Kbuild",
           functions + "a\n" + functions + "unsafe_follow_pfn\n# unsafe_follow_pfn\nX = unsafe_follow_pfn\n"}},
         {{"conftest.sh", script(safe)},
          {"nvidia/nvidia.Kbuild",
           functions + "a\n" + functions + "follow_pfn\n# unsafe_follow_pfn\nX = unsafe_follow_pfn\n"}},
         2},
        {"rename_with_new_content",
         rename({{"kind", std::string("function")}, {"code", std::string("follow_pfn();")}}),
         {{"conftest.sh", script(unsafe)}, {"Kbuild", functions + "unsafe_follow_pfn\n"}},
         {{"conftest.sh",
           script("        follow_pfn)\n            CODE=\"\n            follow_pfn();\"\n\n            "
                  "compile_check_conftest \"$CODE\" \"NV_FOLLOW_PFN_PRESENT\" \"\" \"functions\"\n        ;;\n\n")},
          {"Kbuild", functions + "follow_pfn\n"}},
         2},
        {"add",
         pfnmap(),
         {{"conftest.sh", script(unsafe)},
          {"Kbuild", "NV_CONFTEST_FUNCTION_COMPILE_TESTS ?=\n"},
          {"nvidia/nvidia.Kbuild", functions + "a\nNV_CONFTEST_TYPE_COMPILE_TESTS += t\n"}},
         {{"conftest.sh", script_with(unsafe, added)},
          {"Kbuild", "NV_CONFTEST_FUNCTION_COMPILE_TESTS ?=\n"},
          {"nvidia/nvidia.Kbuild",
           functions + "a\n" + functions + "follow_pfnmap_start\nNV_CONFTEST_TYPE_COMPILE_TESTS += t\n"}},
         2},
        {"add_what_has_no_registration",
         pfnmap({{"register", std::string("b.Kbuild")}}),
         {{"conftest.sh", script_with(unsafe, added)},
          {"a.Kbuild", functions + "follow_pfnmap_start\n"},
          {"b.Kbuild", "\nNV_CONFTEST_FUNCTION_COMPILE_TESTS    += x"}},
         {{"conftest.sh", script_with(unsafe, added)},
          {"a.Kbuild", functions + "follow_pfnmap_start\n"},
          {"b.Kbuild",
           "\nNV_CONFTEST_FUNCTION_COMPILE_TESTS    += x\nNV_CONFTEST_FUNCTION_COMPILE_TESTS    += "
           "follow_pfnmap_start"}}},
        {"add_to_a_file_without_the_list",
         pfnmap({{"register", std::string("b.Kbuild")}}),
         {{"conftest.sh", script_with("", added)}, {"b.Kbuild", "x = 1\n"}},
         {{"conftest.sh", script_with("", added)}, {"b.Kbuild", "x = 1\n" + functions + "follow_pfnmap_start\n"}}},
        {"add_a_type_with_its_define_and_value",
         {{"test", std::string("has_x")},
          {"kind", std::string("type")},
          {"code", std::string("int x;")},
          {"define", std::string("NV_X_HAS")},
          {"value", std::string("1")}},
         {{"conftest.sh", script("")}, {"Kbuild", "NV_CONFTEST_TYPE_COMPILE_TESTS = a\n"}},
         {{"conftest.sh", script_with("",
                                      "\n        has_x)\n            CODE=\"\n            int x;\"\n\n            "
                                      "compile_check_conftest \"$CODE\" \"NV_X_HAS\" \"1\" \"types\"\n        ;;\n")},
          {"Kbuild", "NV_CONFTEST_TYPE_COMPILE_TESTS = a has_x\n"}},
         2},
        {"add_a_script",
         {{"test", std::string("odd")},
          {"kind", std::string("generic")},
          {"script",
           std::string("if [ -f \"$1\" ]; then\n    echo \"#define NV_ODD\" | append_conftest \"generic\"\nfi\n;;\n")}},
         {{"conftest.sh", script("")}, {"Kbuild", "NV_CONFTEST_GENERIC_COMPILE_TESTS += a\n"}},
         {{"conftest.sh",
           script_with("",
                       "\n        odd)\n            if [ -f \"$1\" ]; then\n                echo \"#define NV_ODD\" "
                       "| append_conftest \"generic\"\n            fi\n        ;;\n")},
          {"Kbuild", "NV_CONFTEST_GENERIC_COMPILE_TESTS += a\nNV_CONFTEST_GENERIC_COMPILE_TESTS += odd\n"}},
         2},
        {"a_symbol_needs_no_branch",
         {{"test", std::string("is_export_symbol_present_f")}, {"kind", std::string("symbol")}},
         {{"conftest.sh", script("")}, {"Kbuild", "NV_CONFTEST_SYMBOL_COMPILE_TESTS += a\n"}},
         {{"conftest.sh", script("")},
          {"Kbuild",
           "NV_CONFTEST_SYMBOL_COMPILE_TESTS += a\nNV_CONFTEST_SYMBOL_COMPILE_TESTS += is_export_symbol_present_f\n"}}},
        {"a_header",
         {{"test", std::string("linux/vfio.h")}, {"kind", std::string("header")}},
         {{"Kbuild", "NV_HEADER_PRESENCE_TESTS = \\\n a.h \\\n b.h\n\nx = 1\n"}},
         {{"Kbuild", "NV_HEADER_PRESENCE_TESTS = \\\n a.h \\\n b.h \\\n linux/vfio.h\n\nx = 1\n"}}},
        {"a_header_as_550_has_it",
         {{"test", std::string("linux/vfio.h")}, {"kind", std::string("header")}},
         {{"Kbuild", "include $(src)/header-presence-tests.mk\n"},
          {"header-presence-tests.mk", "NV_HEADER_PRESENCE_TESTS = \\\n  a.h \\\n  b.h\n"}},
         {{"Kbuild", "include $(src)/header-presence-tests.mk\n"},
          {"header-presence-tests.mk", "NV_HEADER_PRESENCE_TESTS = \\\n  a.h \\\n  b.h \\\n  linux/vfio.h\n"}}},
        {"replace",
         {{"test", std::string("follow_pfn")}, {"action", std::string("replace")}, {"script", std::string("echo new")}},
         {{"conftest.sh", script(safe)}},
         {{"conftest.sh", script("        follow_pfn)\n            echo new\n        ;;\n\n")}}},
    }),
    NameOf());

TEST(ConftestTestDone, ADriverKeepsItsOwnTestOfThatName) {
  const Files files = {{"conftest.sh", script(safe)}, {"Kbuild", functions + "follow_pfn\n"}};
  transform::SourceTree tree = transform::SourceTree::of(files);
  const auto applied =
      apply("conftest-test",
            {{"test", std::string("follow_pfn")}, {"kind", std::string("function")}, {"code", std::string("other();")}},
            tree);
  ASSERT_TRUE(applied) << applied.error().message();
  EXPECT_TRUE(applied->already);
}

// A recipe whose facts know better than the compiler's error says the answer.
TEST(ConftestTestAnswer, SaysWhatTheFactsFound) {
  const auto answered = [](const std::string& answer, const std::string& branch) {
    transform::SourceTree tree = transform::SourceTree::of({{"conftest.sh", script(branch)}});
    const transform::Parameters parameters = {{"test", std::string("unsafe_follow_pfn")}, {"answer", answer}};
    const auto applied = apply("conftest-test", parameters, tree);
    EXPECT_TRUE(applied) << applied.error().message();
    const std::string text(*tree.read("conftest.sh"));
    const auto again = apply("conftest-test", parameters, tree);
    EXPECT_TRUE(again && again->already);
    return text;
  };
  const std::string head = "        unsafe_follow_pfn)\n            echo \"";
  EXPECT_EQ(answered("absent", unsafe), script(head + "#undef NV_UNSAFE_FOLLOW_PFN_PRESENT\"\n        ;;\n\n"));
  EXPECT_EQ(answered("present", unsafe), script(head + "#define NV_UNSAFE_FOLLOW_PFN_PRESENT\"\n        ;;\n\n"));
}

class ConftestTestRefuses : public testing::TestWithParam<Refusal> {};
TEST_P(ConftestTestRefuses, Says) {
  expect_refusal("conftest-test", GetParam());
}

transform::Parameters test_t(transform::Parameters more) {
  more.insert({"test", std::string("t")});
  return more;
}

INSTANTIATE_TEST_SUITE_P(
    Table, ConftestTestRefuses,
    testing::ValuesIn(std::vector<Refusal>{
        {"no_script", pfnmap(), {{"Kbuild", functions + "a\n"}}, {"no file of the driver matches **/conftest.sh"}},
        {"answer_of_a_script",
         test_t({{"answer", std::string("absent")}}),
         {{"conftest.sh", script("        t)\n            echo \"#define X\"\n        ;;\n")}},
         {"does not ask with compile_check_conftest"}},
        {"two_scripts",
         pfnmap(),
         {{"a/conftest.sh", ""}, {"b/conftest.sh", ""}},
         {"more than one file matches: a/conftest.sh, b/conftest.sh"}},
        {"not_nvidias",
         pfnmap(),
         {{"conftest.sh", "case $1 in\na) b ;;\nesac\n"}, {"Kbuild", functions + "a\n"}},
         {"conftest.sh has no compile_test() with a case block"}},
        {"other_test_of_that_name",
         pfnmap(),
         {{"conftest.sh", script("        follow_pfnmap_start)\n            x\n        ;;\n")},
          {"Kbuild", functions + "a\n"}},
         {"conftest.sh:8: there is another test of the name follow_pfnmap_start",
          "it does not set NV_FOLLOW_PFNMAP_START_PRESENT"}},
        {"which_list",
         pfnmap(),
         {{"conftest.sh", script("")}, {"a.Kbuild", functions + "a\n"}, {"b.Kbuild", functions + "b\n"}},
         {"NV_CONFTEST_FUNCTION_COMPILE_TESTS is in more than one file: a.Kbuild, b.Kbuild", "`register`"}},
        {"no_list",
         pfnmap(),
         {{"conftest.sh", script("")}, {"a.Kbuild", "x = 1\n"}},
         {"no Kbuild file has a list NV_CONFTEST_FUNCTION_COMPILE_TESTS"}},
        {"no_content",
         test_t({{"kind", std::string("function")}}),
         {{"conftest.sh", script("")}, {"a.Kbuild", functions + "a\n"}},
         {"conftest.sh has no test t", "`code`"}},
        {"rename_of_nothing",
         rename(),
         {{"conftest.sh", script("")}, {"a.Kbuild", ""}},
         {"found no conftest unsafe_follow_pfn in conftest.sh", "if there were a test follow_pfn"}},
        {"rename_to_what_is_there",
         rename(),
         {{"conftest.sh", script(unsafe + safe)}, {"a.Kbuild", ""}},
         {"conftest.sh:18: there are tests of both names, unsafe_follow_pfn and follow_pfn"}},
        {"rename_one_of_two_names",
         rename(),
         {{"conftest.sh", script("        a|unsafe_follow_pfn)\n x\n ;;\n")}, {"a.Kbuild", ""}},
         {"conftest.sh:8: this branch has more names than unsafe_follow_pfn"}},
        {"replace_of_nothing",
         test_t({{"action", std::string("replace")}, {"script", std::string("x")}}),
         {{"conftest.sh", script("")}},
         {"conftest.sh has no test t to replace"}},
        {"no_kind", test_t({}), {}, {"needs its `kind`"}, ErrorKind::usage},
        {"code_and_script",
         test_t({{"kind", std::string("type")}, {"code", std::string("a")}, {"script", std::string("b")}}),
         {},
         {"exclude each other"},
         ErrorKind::usage},
        {"rename_without_from",
         test_t({{"action", std::string("rename")}}),
         {},
         {"needs `rename-from`"},
         ErrorKind::usage},
        {"open_quote",
         test_t({{"kind", std::string("type")}, {"script", std::string("echo \"x")}}),
         {},
         {"is left open"},
         ErrorKind::usage},
        {"end_of_branch_inside",
         test_t({{"kind", std::string("type")}, {"script", std::string("a\n;;\nb) c")}}),
         {},
         {"not the whole body of a branch"},
         ErrorKind::usage},
        {"header_with_code",
         test_t({{"kind", std::string("header")}, {"code", std::string("a")}}),
         {},
         {"a header needs no test of its own"},
         ErrorKind::usage},
    }),
    NameOf());

using transform::find_case_blocks;

TEST(ShellScript, FindsBranches) {
  const std::string text =
      "f() {\n case \"$1\" \\\n  in\n  a|b) echo 'x)' \"y;; $(case z in q) echo \")\" ;; esac)\" # ;; esac\n   (cd x; "
      "echo `ls "
      ";;`) ;;\n"
      "  (c) case $2 in d) e ;; *) g; esac\n  ;;\n  h) cat <<EOF\n esac ;; i)\nEOF\n esac\n}\ncase x in esac\n";
  const auto blocks = transform::find_case_blocks(text);
  ASSERT_EQ(blocks.size(), 3U);
  EXPECT_EQ(blocks[0].subject, "$2");
  EXPECT_EQ(blocks[1].function, "f");
  ASSERT_EQ(blocks[1].branches.size(), 3U);
  EXPECT_THAT(blocks[1].branches[0].patterns, testing::ElementsAre("a", "b"));
  EXPECT_THAT(blocks[1].branches[1].patterns, testing::ElementsAre("c"));
  EXPECT_THAT(blocks[1].branches[2].patterns, testing::ElementsAre("h"));
  EXPECT_EQ(text.substr(blocks[1].branches[0].body_end, 2), ";;");
  EXPECT_EQ(text.substr(blocks[1].esac, 4), "esac");
  EXPECT_EQ(blocks[2].function, "");
  EXPECT_TRUE(blocks[2].branches.empty());
}

TEST(ShellScript, SurvivesWhatIsNotClosed) {
  for (const char* text : {"case", "case x", "case x in", "case x in a", "case x in a)", "case x in a) \"", "$(", "${",
                           "`", "'", "<<", "esac ;; )", "f() {", "\\"})
    EXPECT_TRUE(transform::find_case_blocks(text).empty()) << text;
}

TEST(ShellScript, SurvivesAnyDepth) {
  for (const char* piece : {"$(", "${", "\"$(", "case x in a) ", "(", "`"}) {
    std::string text;
    for (int i = 0; i < 100000; ++i) text += piece;
    EXPECT_TRUE(transform::find_case_blocks(text).empty()) << piece;
  }
}

}  // namespace
}  // namespace vgpukit::test
