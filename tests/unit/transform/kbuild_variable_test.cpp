#include "transform/makefile.hpp"
#include "transform/transform_fixtures.hpp"

namespace vgpukit::test {
namespace {

transform::Parameters variable(std::string action, std::string name, transform::Parameters more = {}) {
  more.insert({{"files", List{"Kbuild", "*.Kbuild"}}, {"action", std::move(action)}, {"name", std::move(name)}});
  return more;
}
transform::Parameters to_ccflags() {
  return variable("rename", "EXTRA_CFLAGS", {{"to", std::string("ccflags-y")}});
}
transform::Parameters append(std::string value) {
  return variable("append", "ccflags-y", {{"value", std::move(value)}});
}

class KbuildVariable : public testing::TestWithParam<Case> {};
TEST_P(KbuildVariable, Edits) {
  expect_case("kbuild-variable", GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Table, KbuildVariable,
    testing::ValuesIn(std::vector<Case>{
        {"rename",
         to_ccflags(),
         {{"Kbuild",
           "# EXTRA_CFLAGS is old: $(EXTRA_CFLAGS)\nEXTRA_CFLAGS += -Wall # EXTRA_CFLAGS\n EXTRA_CFLAGS:=a\nX = "
           "$(EXTRA_CFLAGS) "
           "${EXTRA_CFLAGS:a=b}\nMY_EXTRA_CFLAGS = 1\nEXTRA_CFLAGS_x.o = 2\nEXTRA_CFLAGS_nv = $(MY_EXTRA_CFLAGS)\n"}},
         {{"Kbuild",
           "# EXTRA_CFLAGS is old: $(EXTRA_CFLAGS)\nccflags-y += -Wall # EXTRA_CFLAGS\n ccflags-y:=a\nX = $(ccflags-y) "
           "${ccflags-y:a=b}\nMY_EXTRA_CFLAGS = 1\nEXTRA_CFLAGS_x.o = 2\nEXTRA_CFLAGS_nv = $(MY_EXTRA_CFLAGS)\n"}},
         4},
        {"rename_in_conditionals_continuations_and_recipes",
         to_ccflags(),
         {{"Kbuild",
           "ifdef EXTRA_CFLAGS\n EXTRA_CFLAGS += -a \\\n  $(EXTRA_CFLAGS) \\\n  -b\nendif\nexport EXTRA_CFLAGS\nall: "
           "x\n\techo "
           "'$(EXTRA_CFLAGS)'\n\tEXTRA_CFLAGS=1 cc\nx.o: EXTRA_CFLAGS += -c\ndefine F\nEXTRA_CFLAGS = "
           "$$(EXTRA_CFLAGS)\nendef\n"}},
         {{"Kbuild",
           "ifdef ccflags-y\n ccflags-y += -a \\\n  $(ccflags-y) \\\n  -b\nendif\nexport ccflags-y\nall: x\n\techo "
           "'$(ccflags-y)'\n\tEXTRA_CFLAGS=1 cc\nx.o: ccflags-y += -c\ndefine F\nccflags-y = "
           "$$(ccflags-y)\nendef\n"}},
         8},
        {"append",
         append("-std=gnu17"),
         {{"Kbuild", "a = 1\nccflags-y += -Wall\nccflags-y += -g # why\nb = 2\n"}, {"x.Kbuild", "other = 1\n"}},
         {{"Kbuild", "a = 1\nccflags-y += -Wall\nccflags-y += -g # why\nccflags-y += -std=gnu17\nb = 2\n"},
          {"x.Kbuild", "other = 1\n"}}},
        {"append_behind_a_continuation",
         append("-x"),
         {{"Kbuild", "ccflags-y := -a \\\n -b\nc = 1\n"}},
         {{"Kbuild", "ccflags-y := -a \\\n -b\nccflags-y += -x\nc = 1\n"}}},
        {"append_not_in_a_conditional",
         append("-x"),
         {{"Kbuild", "ccflags-y += -a\nifeq (1,2)\nccflags-y += -b\nendif\n"}},
         {{"Kbuild", "ccflags-y += -a\nccflags-y += -x\nifeq (1,2)\nccflags-y += -b\nendif\n"}}},
        {"append_behind_the_only_conditional",
         append("-x"),
         {{"Kbuild", "ifeq (1,2)\nifdef A\nccflags-y += -b\nendif\nendif\nc = 1\n"}},
         {{"Kbuild", "ifeq (1,2)\nifdef A\nccflags-y += -b\nendif\nendif\nccflags-y += -x\nc = 1\n"}}},
        {"append_what_only_a_conditional_has",
         append("-x"),
         {{"Kbuild", "ccflags-y = -a\nifdef A\nccflags-y += -x\nendif"}},
         {{"Kbuild", "ccflags-y = -a\nccflags-y += -x\nifdef A\nccflags-y += -x\nendif"}}},
        {"append_not_per_object",
         append("-x"),
         {{"Kbuild", "CFLAGS_ccflags-y.o += -x\nx.o: ccflags-y += -x\nccflags-y += -a"}},
         {{"Kbuild", "CFLAGS_ccflags-y.o += -x\nx.o: ccflags-y += -x\nccflags-y += -a\nccflags-y += -x"}}},
        {"append_at_the_end_of_the_only_file",
         append("-x"),
         {{"Kbuild", "obj-m += nvidia.o\n"}},
         {{"Kbuild", "obj-m += nvidia.o\nccflags-y += -x\n"}}},
        {"set",
         variable("set", "NV_BUILD_TYPE", {{"value", std::string("debug")}}),
         {{"Kbuild", "NV_BUILD_TYPE ?= release # x\nNV_BUILD_TYPE2 = a\n"}},
         {{"Kbuild", "NV_BUILD_TYPE ?= debug # x\nNV_BUILD_TYPE2 = a\n"}}},
        {"set_an_empty_one",
         variable("set", "A", {{"value", std::string("b c")}}),
         {{"Kbuild", "A =\nB = 1\n"}},
         {{"Kbuild", "A = b c\nB = 1\n"}}},
        {"remove_words",
         variable("remove", "ccflags-y", {{"value", std::string("-a -b")}}),
         {{"Kbuild",
           "ccflags-y += -a -b -c\nccflags-y += -x -a -b\nccflags-y += -a -c -b\nccflags-y += -y \\\n  -a \\\n  -b "
           "\\\n  -z\n"}},
         {{"Kbuild", "ccflags-y += -c\nccflags-y += -x\nccflags-y += -a -c -b\nccflags-y += -y \\\n  -z\n"}},
         3},
        {"remove_the_whole_line",
         variable("remove", "ccflags-y", {{"value", std::string("-a")}}),
         {{"Kbuild", "ccflags-y += -b\nccflags-y += -a # why\nx = 1\n"}},
         {{"Kbuild", "ccflags-y += -b\nx = 1\n"}}},
        {"remove_all",
         variable("remove", "A"),
         {{"Kbuild", "A = 1 \\\n 2\nB = 1\nA += 3\n"}},
         {{"Kbuild", "B = 1\n"}},
         2,
         false},
        {"rename_in_definitions",
         to_ccflags(),
         {{"Kbuild",
           "define ADD\ndefine INNER\nendef\n$(1).o: EXTRA_CFLAGS += -b\nifdef EXTRA_CFLAGS\nEXTRA_CFLAGS += "
           "$(1)\nendif\n\tEXTRA_CFLAGS=1 cc\nendef\ndefine EXTRA_CFLAGS +=\n-DX\nendef\n$(eval EXTRA_CFLAGS += "
           "-DY)\n$(eval $(call ADD,EXTRA_CFLAGS))\n"}},
         {{"Kbuild",
           "define ADD\ndefine INNER\nendef\n$(1).o: ccflags-y += -b\nifdef ccflags-y\nccflags-y += "
           "$(1)\nendif\n\tEXTRA_CFLAGS=1 cc\nendef\ndefine ccflags-y +=\n-DX\nendef\n$(eval ccflags-y += "
           "-DY)\n$(eval $(call ADD,EXTRA_CFLAGS))\n"}},
         5},
        {"rename_behind_an_else",
         to_ccflags(),
         {{"Kbuild", "ifdef A\nelse ifdef EXTRA_CFLAGS\nEXTRA_CFLAGS += -a\nelse ifneq ($(EXTRA_CFLAGS),)\nendif\n"}},
         {{"Kbuild", "ifdef A\nelse ifdef ccflags-y\nccflags-y += -a\nelse ifneq ($(ccflags-y),)\nendif\n"}},
         3},
        {"a_message_with_a_colon_is_no_rule",
         to_ccflags(),
         {{"Kbuild", "$(info nvidia: flags)\n\tEXTRA_CFLAGS += -a\n"}},
         {{"Kbuild", "$(info nvidia: flags)\n\tccflags-y += -a\n"}}},
        {"append_behind_a_last_backslash",
         append("-x"),
         {{"Kbuild", "ccflags-y += -a \\\n -b \\\n"}},
         {{"Kbuild", "ccflags-y += -a \\\n -b \\\n\nccflags-y += -x\n"}}},
        {"append_what_a_function_takes_away",
         append("-x"),
         {{"Kbuild", "ccflags-y := $(filter-out -x -y,$(ccflags-y))\n"}},
         {{"Kbuild", "ccflags-y := $(filter-out -x -y,$(ccflags-y))\nccflags-y += -x\n"}}},
        {"remove_every_time_and_not_from_a_function",
         variable("remove", "ccflags-y", {{"value", std::string("-a")}}),
         {{"Kbuild", "ccflags-y += -a -b -a $(filter-out -a -c,$(x)) -a -a\nccflags-y += -a \\\n  -a # all\n"}},
         {{"Kbuild", "ccflags-y += -b $(filter-out -a -c,$(x))\n"}},
         2},
    }),
    NameOf());

class KbuildVariableRefuses : public testing::TestWithParam<Refusal> {};
TEST_P(KbuildVariableRefuses, Says) {
  expect_refusal("kbuild-variable", GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Table, KbuildVariableRefuses,
    testing::ValuesIn(std::vector<Refusal>{
        {"rename_nothing",
         to_ccflags(),
         {{"Kbuild", "# EXTRA_CFLAGS\nX = 1\n"}},
         {"found no use of the variable EXTRA_CFLAGS in Kbuild", "if these files assigned ccflags-y"}},
        {"append_to_none_of_two",
         append("-x"),
         {{"Kbuild", "a = 1\n"}, {"b.Kbuild", "b = 1\n"}},
         {"found no assignment of the variable ccflags-y in 2 files (Kbuild, b.Kbuild)", "name one file"}},
        {"set_two",
         variable("set", "A", {{"value", std::string("x")}}),
         {{"Kbuild", "A = 1\nA += 2\n"}},
         {"found 2 assignment of the variable A, expected exactly 1: Kbuild:1, Kbuild:2"}},
        {"set_none",
         variable("set", "A", {{"value", std::string("x")}}),
         {{"Kbuild", "B = 1\n"}},
         {"found no assignment of the variable A"}},
        {"remove_none",
         variable("remove", "A", {{"value", std::string("x")}}),
         {{"Kbuild", "B = 1\n"}},
         {"found no assignment of the variable A with x", "if they assigned A"}},
        {"remove_all_of_none", variable("remove", "A"), {{"Kbuild", "B = 1\n"}}, {"is not known"}},
        {"no_to", variable("rename", "A"), {{"Kbuild", ""}}, {"needs `to`"}, ErrorKind::usage},
        {"no_value", variable("append", "A"), {{"Kbuild", ""}}, {"needs `value`"}, ErrorKind::usage},
        {"no_name",
         variable("append", "A B", {{"value", std::string("x")}}),
         {{"Kbuild", ""}},
         {"`A B` is not the name of a variable"},
         ErrorKind::usage},
        {"two_lines",
         variable("append", "A", {{"value", std::string("x\ny")}}),
         {{"Kbuild", ""}},
         {"more than one line"},
         ErrorKind::usage},
        {"rename_to_itself",
         to_ccflags(),
         {{"Kbuild", "EXTRA_CFLAGS += -a\nccflags-y += $(EXTRA_CFLAGS)\n"}},
         {"Kbuild:2: ccflags-y takes the value of EXTRA_CFLAGS here, and would refer to itself"}},
    }),
    NameOf());

TEST(Makefile, ReadsAssignments) {
  using transform::read_makefile;
  const std::string text =
      "A = 1 # c\n\nifeq ($(X),y)\n B := \\#2 \\\n   3\nendif\nexport C ?= 4\noverride D+=5\nt: ; x\n\tE = 6\nF ::= "
      "7\ndefine G\nH "
      "= 8\nendef\nI = 9\n";
  const auto makefile = transform::read_makefile(text);
  std::vector<std::string> seen;
  for (const auto& a : makefile.assignments) {
    std::string words;
    for (const auto word : makefile.value_words(a)) words += " " + std::string(word);
    seen.push_back(std::to_string(a.line) + " " + std::string(makefile.at(a.name)) + " " + std::string(a.op) + words +
                   " /" + std::to_string(a.depth));
  }
  EXPECT_THAT(seen, testing::ElementsAre("1 A = 1 /0", "4 B := \\#2 3 /1", "7 C ?= 4 /0", "8 D += 5 /0",
                                         "11 F ::= 7 /0", "13 H = 8 /0", "15 I = 9 /0"));
  EXPECT_TRUE(makefile.assignments[5].in_define);
  ASSERT_EQ(makefile.references.size(), 2U);
  EXPECT_EQ(makefile.references[0].line, 3);
  EXPECT_EQ(makefile.at(makefile.references[1].name), "G");
}

}  // namespace
}  // namespace vgpukit::test
