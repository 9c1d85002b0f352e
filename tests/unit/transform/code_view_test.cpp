#include "transform/code_view.hpp"

#include <gtest/gtest.h>

namespace vgpukit::transform {
namespace {

// The text between the braces of each definition.
std::vector<std::string> bodies(std::string_view source, std::string_view name) {
  std::vector<std::string> texts;
  const CodeView view(source);
  for (const CodeView::Function& f : view.functions(name)) {
    const std::size_t begin = view.code()[f.open].offset + 1;
    texts.emplace_back(source.substr(begin, view.code()[f.close].offset - begin));
  }
  return texts;
}

using Texts = std::vector<std::string>;

std::size_t nth(const CodeView& view, std::string_view text, int n) {
  for (std::size_t i = 0; i < view.code().size(); ++i)
    if (view.is(i, text) && --n == 0) return i;
  return CodeView::npos;
}

TEST(CodeView, MatchesBrackets) {
  const CodeView view("f(a[1], (b)) { x; }");
  EXPECT_EQ(view.partner(nth(view, "(", 1)), nth(view, ")", 2));
  EXPECT_EQ(view.partner(nth(view, ")", 1)), nth(view, "(", 2));
  EXPECT_EQ(view.partner(nth(view, "[", 1)), nth(view, "]", 1));
  EXPECT_EQ(view.partner(nth(view, "{", 1)), nth(view, "}", 1));
}

TEST(CodeView, ABraceEndsWhatWasForgottenInsideOfIt) {
  const CodeView view("{ f(; } { )( }");
  EXPECT_EQ(view.partner(nth(view, "{", 1)), nth(view, "}", 1));
  EXPECT_EQ(view.partner(nth(view, "(", 1)), CodeView::npos);
  EXPECT_EQ(view.partner(nth(view, "{", 2)), nth(view, "}", 2));
  EXPECT_EQ(view.partner(nth(view, ")", 1)), CodeView::npos);
}

TEST(CodeView, BothBranchesOpenABrace) {
  const CodeView view("#if A\nif (x) {\n#else\nif (y) {\n#endif\nz; }\nlast { }");
  EXPECT_EQ(view.partner(nth(view, "{", 1)), nth(view, "}", 1));
  EXPECT_EQ(view.partner(nth(view, "{", 2)), CodeView::npos);
  EXPECT_EQ(view.depth(nth(view, "z", 1)), 1U);
  EXPECT_EQ(view.depth(nth(view, "last", 1)), 0U);
}

TEST(CodeView, BothBranchesCloseABrace) {
  const CodeView view("a { b;\n#if A\n}\n#else\nc; }\n#endif\nlast { }");
  EXPECT_EQ(view.partner(nth(view, "{", 1)), nth(view, "}", 1));
  EXPECT_EQ(view.partner(nth(view, "}", 2)), CodeView::npos);
  EXPECT_EQ(view.partner(nth(view, "{", 2)), nth(view, "}", 3));
  EXPECT_EQ(view.depth(nth(view, "last", 1)), 0U);
}

TEST(CodeView, WhatIsSwitchedOffDoesNotCount) {
  const CodeView view("#if 0\nx {\n#else\ny { z;\n#endif\n}\nlast {}");
  EXPECT_EQ(view.partner(nth(view, "{", 1)), CodeView::npos);
  EXPECT_EQ(view.partner(nth(view, "{", 2)), nth(view, "}", 1));
  const CodeView alone("#if 0\nx {\n#endif\nlast");
  EXPECT_EQ(alone.depth(nth(alone, "last", 1)), 0U);
}

TEST(CodeView, NestedConditionalsAndElif) {
  const CodeView view("#if A\n#if B\nf {\n#else\ng {\n#endif\n#elif C\nh {\n#else\ni {\n#endif\nbody }\nlast");
  EXPECT_EQ(view.partner(nth(view, "{", 1)), nth(view, "}", 1));
  EXPECT_EQ(view.depth(nth(view, "last", 1)), 0U);
  const CodeView stray("#endif\n#else\n{ }");
  EXPECT_EQ(stray.partner(nth(stray, "{", 1)), nth(stray, "}", 1));
}

struct FunctionCase {
  std::string name, source;
  Texts bodies;
};
class Functions : public testing::TestWithParam<FunctionCase> {};

TEST_P(Functions, AreFound) {
  EXPECT_EQ(bodies(GetParam().source, "f"), GetParam().bodies);
}

INSTANTIATE_TEST_SUITE_P(
    CodeView, Functions,
    testing::ValuesIn(std::vector<FunctionCase>{
        {"plain", "int f(void) { return 1; }", {" return 1; "}},
        {"static_inline_over_lines", "static inline int f(struct vma *v,\n  unsigned long a)\n{ B }", {" B "}},
        {"macros_in_the_signature", "NV_STATUS NV_API_CALL f(\n  void *p\n)\n{ B }", {" B "}},
        {"pointer_result", "struct x *f(void) { B }", {" B "}},
        {"attribute_before", "static int __attribute__((unused)) f(void) { B }", {" B "}},
        {"attribute_behind", "static void f(int a) __acquires(lock) __must_check { B }", {" B "}},
        {"two_in_an_if", "#if A\nint f(int a) { B }\n#else\nint f(long a) { C }\n#endif\n", {" B ", " C "}},
        {"one_body_for_two_signatures",
         "#if A\nint f(int a)\n{\n#else\nint f(long a)\n{\n#endif\nB }",
         {"\n#else\nint f(long a)\n{\n#endif\nB "}},
        {"one_body_behind_two_signatures", "#if A\nint f(int a)\n#else\nint f(long a)\n#endif\n{ B }", {" B "}},
        {"a_signature_in_a_signature", "int f(int a, int f(int a) { B }\nint c) { C }", {" C "}},
        {"parameters_in_an_if", "int f(int a,\n#if A\n const int b)\n#else\n int b)\n#endif\n{ B }", {" B "}},
        {"result_in_an_if", "#if A\nstatic int\n#else\nint\n#endif\nf(void) { B }", {" B "}},
        {"conditional_body",
         "int f(void) {\n#if A\n{ x\n#else\n{ y\n#endif\n} }",
         {"\n#if A\n{ x\n#else\n{ y\n#endif\n} "}},
        {"in_extern_c", "extern \"C\" {\nint f(void) { B }\n}", {" B "}},
        {"declaration", "int f(void);", {}},
        {"call", "int g(void) { f(1); if (f(2)) { x; } }", {}},
        {"loop_macro_in_a_function", "int g(void) { f(x) { y; } }", {}},
        {"macro_call_at_file_scope", "f(x)\nint g(void) { y; }", {}},
        {"macro_definition", "#define f(x) { x }", {}},
        {"member", "int g = { .f = f };", {}},
        {"variable", "int f; int (*f)(void) = { 0 };", {}},
        {"other_name", "int ff(void) { B } int f2(void) { C }", {}},
        {"unclosed", "int f(void) { B", {}},
        {"in_a_comment", "/* int f(void) { B } */", {}},
    }),
    [](const auto& tested) { return tested.param.name; });

TEST(CodeView, AFunctionBeginsWithItsFirstSpecifier) {
  const std::string source = "int x;\nstatic inline NvU32\nf(void) { }\n#if A\nint f(int a) { }\n#endif\n";
  const CodeView view(source);
  const auto found = view.functions("f");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(view.code()[found[0].first].text, "static");
  EXPECT_EQ(view.code()[found[0].name].text, "f");
  EXPECT_EQ(view.code()[found[1].first].text, "int");
}

}  // namespace
}  // namespace vgpukit::transform
