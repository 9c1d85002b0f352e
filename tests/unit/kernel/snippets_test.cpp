#include "kernel/snippets.hpp"

#include <gtest/gtest.h>

namespace vgpukit::kernel {
namespace {

Question declaration(std::string name, std::string header = "linux/fs.h") {
  Question question;
  question.kind = Question::Kind::declaration;
  question.name = std::move(name);
  question.headers = {std::move(header)};
  return question;
}

TEST(CompileErrors, AreReadFromGccAndClang) {
  const auto errors = compile_errors(
      "In file included from vgpukit-header-0:1:\n"
      "/usr/src/a:b/fs.h:12:7: error: unknown type name 'x'\n"
      "vgpukit-question-3:2:1: warning: unused\n"
      "vgpukit-header-0:1:10: fatal error: linux/x.h: No such file or directory\n"
      "vgpukit-question-1: error: too few arguments\n"
      "cc1: error: bad option");
  ASSERT_EQ(errors.size(), 4U);
  EXPECT_EQ(errors[0].file, "/usr/src/a:b/fs.h");
  EXPECT_EQ(errors[0].line, 12);
  EXPECT_EQ(errors[0].message, "unknown type name 'x'");
  EXPECT_FALSE(errors[0].fatal);
  EXPECT_TRUE(errors[1].fatal);
  EXPECT_EQ(errors[1].message, "linux/x.h: No such file or directory");
  EXPECT_EQ(errors[2].file, "vgpukit-question-1");
  EXPECT_EQ(errors[3].file, "cc1");
}

TEST(ReadAnswers, EachErrorBelongsToItsQuestion) {
  const std::vector<Question> questions = {declaration("a"), declaration("b"), declaration("c")};
  auto read =
      read_answers(questions, false, "vgpukit-question-1:2:20: error: 'b' undeclared here (not in a function)\n");
  EXPECT_TRUE(read.unreliable.empty());
  EXPECT_TRUE(read.answers[0].value().yes);
  EXPECT_FALSE(read.answers[1].value().yes);
  EXPECT_TRUE(read.answers[2].value().yes);
}

TEST(ReadAnswers, ASyntaxErrorMakesTheNeighboursDoubtful) {
  const std::vector<Question> questions = {declaration("a"), declaration("b")};
  EXPECT_TRUE(read_answers(questions, false, "vgpukit-question-0:2:20: error: expected identifier before ')' token\n")
                  .unreliable.contains(0));
}

TEST(ReadAnswers, WhatAnErrorLeavesDeclaredMakesItsNextUserDoubtful) {
  const std::vector<Question> questions = {declaration("struct s"), declaration("b"),
                                           declaration("struct s", "linux/mm.h")};
  const auto read = read_answers(questions, false, "vgpukit-question-0:1:30: error: invalid application of 'sizeof'\n");
  EXPECT_EQ(read.affected, (std::set<std::size_t>{2}));
}

TEST(ReadAnswers, WhoseFunctionItIsDoesNotShow) {
  Question snippet;
  snippet.kind = Question::Kind::compiles;
  snippet.code = "int vgpukit_probe(struct gone *p);\nint vgpukit_probe(struct gone *p) { return 1; }";
  const std::vector<Question> questions = {declaration("a"), snippet};
  const auto unit = translation_unit(questions);
  EXPECT_NE(unit.find("int vgpukit_probe_1(struct gone *p);"), std::string::npos) << unit;
  EXPECT_EQ(translation_unit({snippet}).find("vgpukit_probe_"), std::string::npos);
  const auto read = read_answers(questions, false,
                                 "vgpukit-question-1:2:5: error: conflicting types for 'vgpukit_probe_1'; have x\n");
  EXPECT_EQ(read.answers[1].value().evidence, "line 2 of the snippet: conflicting types for 'vgpukit_probe'; have x");
  EXPECT_NE(read.answers[1].value().doubt, "");
}

TEST(ReadAnswers, AMissingHeaderIsNoAnswerForTheOthersOfTheUnit) {
  const std::vector<Question> questions = {declaration("a"), declaration("b", "linux/gone.h")};
  auto read =
      read_answers(questions, false, "vgpukit-header-1:1:10: fatal error: linux/gone.h: No such file or directory\n");
  EXPECT_FALSE(read.answers[0]);
}

TEST(ReadAnswers, WhatNobodyUnderstandsIsNeverAYes) {
  const std::vector<Question> questions = {declaration("a")};
  // The compiler itself failed: no space, a bad option, a crash, an error in a header, an error without a place
  for (const char* output :
       {"", "gcc: fatal error: cannot execute 'cc1': No such file or directory\n", "cc1: error: bad option\n",
        "Killed\n", "/usr/include/linux/fs.h:1:1: error: expected ';'\n",
        "vgpukit-question-7:1:1: error: not ours\n"}) {
    auto read = read_answers(questions, false, output);
    ASSERT_EQ(read.answers.size(), 1U);
    EXPECT_FALSE(read.answers[0]) << output;
  }
}

TEST(ReadAnswers, OnlyTheHeaderThatWasNamedCanBeAbsent) {
  const std::vector<Question> questions = {declaration("a"), declaration("b")};
  auto named =
      read_answers(questions, false, "vgpukit-header-0:1:10: fatal error: linux/fs.h: No such file or directory\n");
  EXPECT_FALSE(named.answers[0].value().yes);
  EXPECT_FALSE(named.answers[1].value().yes);
  auto clang = read_answers(questions, false, "vgpukit-header-0:1:10: fatal error: 'linux/fs.h' file not found\n");
  EXPECT_FALSE(clang.answers[0].value().yes);
  auto nested =
      read_answers(questions, false, "include/linux/fs.h:3:10: fatal error: asm/gone.h: No such file or directory\n");
  EXPECT_FALSE(nested.answers[0]);
}

Question snippet(std::string header) {
  Question question;
  question.kind = Question::Kind::compiles;
  question.code = "int f(struct s *p) { return p->x; }";
  question.headers = {std::move(header)};
  return question;
}

std::string doubt_of(const char* output) {
  const auto read = read_answers({snippet("linux/x.h")}, false, output);
  if (!read.answers.at(0)) return "no answer";
  EXPECT_FALSE(read.answers[0].value().yes);
  return read.answers[0].value().doubt;
}

// A snippet that fails says what it is about only where the compiler got that far.
TEST(ReadAnswers, ANoThatMayHaveAnotherReasonIsDoubtful) {
  EXPECT_EQ(doubt_of("vgpukit-question-0:1:30: error: 'struct s' has no member named 'x'\n"), "");
  EXPECT_EQ(doubt_of("vgpukit-question-0:1:30: error: too few arguments to function 'f'\n"), "");
  EXPECT_EQ(doubt_of("vgpukit-header-0:1:10: fatal error: linux/x.h: No such file or directory\n"),
            "there is no linux/x.h");
  EXPECT_EQ(doubt_of("vgpukit-header-0:1:10: fatal error: 'linux/x.h' file not found\n"), "there is no linux/x.h");
  EXPECT_EQ(doubt_of("vgpukit-question-0:2:10: fatal error: linux/y.h: No such file or directory\n"),
            "there is no linux/y.h");
  EXPECT_EQ(doubt_of("vgpukit-question-0:1:30: error: invalid use of undefined type 'struct s'\n"),
            "invalid use of undefined type 'struct s'");
  EXPECT_EQ(doubt_of("vgpukit-question-0:1:30: error: incomplete definition of type 'struct s'\n"),
            "incomplete definition of type 'struct s'");
  EXPECT_EQ(doubt_of("vgpukit-question-0:1:8: error: unknown type name 's_t'\n"), "unknown type name 's_t'");
  EXPECT_EQ(doubt_of("vgpukit-question-0:2:6: error: conflicting types for 'vgpukit_probe'; have 'void(struct s *)'\n"),
            "conflicting types for 'vgpukit_probe'; have 'void(struct s *)'");
  EXPECT_EQ(doubt_of("vgpukit-question-0:4:13: error: conflicting types for 'vgpukit_seen'\n"), "");
  // A header that is broken is no answer at all, whatever the snippet says besides.
  EXPECT_EQ(doubt_of("include/linux/x.h:3:1: error: expected ';'\nvgpukit-question-0:1:30: error: 'struct s' has no "
                     "member named 'x'\n"),
            "no answer");
}

// What is declared in a header that is not there is not declared: nothing to doubt.
TEST(ReadAnswers, ADeclarationIsNeverDoubtful) {
  auto read = read_answers({declaration("a")}, false,
                           "vgpukit-header-0:1:10: fatal error: linux/fs.h: No such file or directory\n");
  EXPECT_EQ(read.answers.at(0).value().doubt, "");
}

}  // namespace
}  // namespace vgpukit::kernel
