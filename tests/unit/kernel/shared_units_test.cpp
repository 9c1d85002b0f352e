#include "kernel/shared_units.hpp"

#include <gmock/gmock.h>

namespace vgpukit::kernel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Question snippet(std::string code, std::string header) {
  Question question;
  question.kind = Question::Kind::compiles;
  question.code = std::move(code);
  question.headers = {std::move(header)};
  return question;
}

std::vector<std::vector<std::string>> names_of(const std::vector<std::vector<Question>>& units) {
  std::vector<std::vector<std::string>> names;
  for (const auto& unit : units) {
    auto& these = names.emplace_back();
    for (const auto& question : unit) these.push_back(question.name.empty() ? question.code : question.name);
  }
  return names;
}

TEST(LeavesNothingBehind, AFunctionOfTheUsualName) {
  for (const char* code :
       {"int vgpukit_probe(void);\nint vgpukit_probe(void) { return f(); }",
        "const void *vgpukit_probe(struct bus_type *bus) { if (bus) { return bus->ops; } return \"}\"; }",
        "void vgpukit_probe(void) { struct local { int a; } x = {1}; g(&x); }"})
    EXPECT_TRUE(leaves_nothing_behind(code)) << code;
}

TEST(LeavesNothingBehind, NothingElse) {
  for (const char* code : {"",
                           "int f(void) { return 1; }",
                           "int x;",
                           "int x, vgpukit_probe(void);",
                           "struct s; int vgpukit_probe(void);",
                           "struct s *vgpukit_probe(void);",
                           "enum e { A } vgpukit_probe(void);",
                           "typedef int vgpukit_probe(void);",
                           "int vgpukit_probe(void) { extern int f(void); return f(); }",
                           "int vgpukit_probe(void) { return 1;",
                           "int vgpukit_probe(void) } {",
                           "int vgpukit_probe(void)",
                           "int vgpukit_probe",
                           "int vgpukit_probe = 1;",
                           "int vgpukit_probe(struct s { int a; } *p);",
                           "MODULE_IMPORT_NS(X);",
                           "#define A\nint vgpukit_probe(void);",
                           "int vgpukit_probe(void) { /* } */ return 1; }",
                           "int vgpukit_probe(void) { return '}'; }",
                           "int vgpukit_probe(void) { asm(\"nop\"); return 1; }",
                           "_Static_assert(sizeof(struct s *), \"\");"})
    EXPECT_FALSE(leaves_nothing_behind(code)) << code;
}

TEST(LeftBehind, WhatAnErrorDeclares) {
  const auto call = snippet("int vgpukit_probe(void) { return f(); }", "a.h");
  EXPECT_THAT(
      names_left_declared(call, {"", 1, false, "implicit declaration of function 'f'; did you mean 'g'? [-Werror]"}),
      ElementsAre("f"));
  EXPECT_THAT(names_left_declared(call, {"", 1, false, "call to undeclared function 'f'; ISO C99 and later do not"}),
              ElementsAre("f"));
  EXPECT_THAT(names_left_declared(call, {"", 1, false, "too few arguments to function 'f'"}), IsEmpty());
  const auto size = Question::parse("declaration struct s a.h").value();
  EXPECT_THAT(
      names_left_declared(size, {"", 1, false, "invalid application of 'sizeof' to incomplete type 'struct s'"}),
      ElementsAre("s"));
  EXPECT_THAT(names_left_declared(Question::parse("declaration f a.h").value(), {"", 1, false, "'f' undeclared here"}),
              IsEmpty());
  EXPECT_TRUE(uses_any(call, {"f"}));
  EXPECT_FALSE(uses_any(call, {"probe", "in"}));
  EXPECT_TRUE(uses_any(size, {"s"}));
}

TEST(SharedUnits, WhoBringsMoreComesLater) {
  // large.h includes small.h, other.h stands alone, gone.h is not there.
  HeaderClosures closures;
  closures.add(
      "# 0 \"<stdin>\"\n#include <large.h>\n# 1 \"<stdin>\"\n# 1 \"/i/large.h\" 1\n#include <small.h>\n# 1 "
      "\"/i/large.h\"\n"
      "# 1 \"/i/small.h\" 1\n# 2 \"/i/large.h\" 2\n# 2 \"<stdin>\" 2\n#include <other.h>\n# 2 \"<stdin>\"\n# 1 "
      "\"/i/other.h\" 1\n"
      "# 3 \"<stdin>\" 2\n");
  std::vector<Question> questions;
  for (const char* text : {"declaration in_large large.h", "declaration in_small small.h",
                           "declaration in_other other.h", "declaration in_gone gone.h", "declaration too large.h"})
    questions.push_back(Question::parse(text).value());
  questions.push_back(snippet("int vgpukit_probe(void);", "large.h"));
  questions.push_back(snippet("int mine;", "large.h"));
  EXPECT_THAT(names_of(shared_units(questions, closures)),
              ElementsAre(ElementsAre("in_small", "int vgpukit_probe(void);", "in_large", "too"),
                          ElementsAre("in_other"), ElementsAre("int mine;"), ElementsAre("in_gone")));
  EXPECT_EQ(shared_units(questions, HeaderClosures()).size(), 6U)
      << "who knows nothing shares nothing but the same headers";
}

}  // namespace
}  // namespace vgpukit::kernel
