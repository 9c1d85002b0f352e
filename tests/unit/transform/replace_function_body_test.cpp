#include "transform/transform_fixtures.hpp"

namespace vgpukit::test {
namespace {

transform::Parameters body(std::string text, transform::Parameters more = {}) {
  more.insert({{"files", std::string("*.c")}, {"function", std::string("nv_follow_pfn")}, {"body", std::move(text)}});
  return more;
}

const std::string seed =
    "#if defined(NV_FOLLOW_PFN_PRESENT)\n"
    "    return follow_pfn(vma, address, pfn);\n"
    "#else\n"
    "    return -1;\n"
    "#endif\n";

class ReplaceFunctionBody : public testing::TestWithParam<Case> {};
TEST_P(ReplaceFunctionBody, Edits) {
  expect_case("replace-function-body", GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Table, ReplaceFunctionBody,
    testing::ValuesIn(std::vector<Case>{
        {"the_seed",
         body(seed),
         {{"os-mlock.c",
           "static inline int nv_follow_pfn(struct vm_area_struct *vma,\n                                unsigned long "
           "address)\n{\n"
           "#if defined(NV_UNSAFE_FOLLOW_PFN_PRESENT)\n    return unsafe_follow_pfn(vma, address, pfn);\n#else\n    "
           "return "
           "follow_pfn(vma, address, pfn);\n"
           "#endif\n}\n\nint x = nv_follow_pfn(1);\n"}},
         {{"os-mlock.c",
           "static inline int nv_follow_pfn(struct vm_area_struct *vma,\n                                unsigned long "
           "address)\n{\n" +
               seed + "}\n\nint x = nv_follow_pfn(1);\n"}}},
        {"on_one_line",
         body("\treturn 0;\n"),
         {{"a.c", "int nv_follow_pfn(void) { return 1; } /* x */\n"}},
         {{"a.c", "int nv_follow_pfn(void) {\n\treturn 0;\n} /* x */\n"}}},
        {"a_body_without_newline",
         body("return 0;"),
         {{"a.c", "int nv_follow_pfn(void)\n{\n}"}},
         {{"a.c", "int nv_follow_pfn(void)\n{\nreturn 0;\n}"}}},
        {"an_empty_body",
         body("\n"),
         {{"a.c", "void nv_follow_pfn(void)\n{\n x;\n}\n"}},
         {{"a.c", "void nv_follow_pfn(void)\n{\n}\n"}}},
        {"indented_definitions_in_an_if",
         body("        return 0;\n", {{"places", std::string("2")}}),
         {{"a.c",
           "#if A\n    static inline int nv_follow_pfn(int a)\n    {\n        x;\n    }\n#else\n    static inline int "
           "nv_follow_pfn(long a)\n    {\n    }\n#endif\n"}},
         {{"a.c",
           "#if A\n    static inline int nv_follow_pfn(int a)\n    {\n        return 0;\n    }\n#else\n    static "
           "inline int "
           "nv_follow_pfn(long a)\n    {\n        return 0;\n    }\n#endif\n"}},
         2},
        {"unbalanced_braces_in_its_if",
         body("\treturn 0;\n"),
         {{"a.c",
           "NV_STATUS NV_API_CALL nv_follow_pfn(\n\tint a\n)\n{\n#if X\n\tif (a) {\n#else\n\tif (b) "
           "{\n#endif\n\t\tc;\n\t}\n}\nint "
           "last(void) { d; }\n"}},
         {{"a.c", "NV_STATUS NV_API_CALL nv_follow_pfn(\n\tint a\n)\n{\n\treturn 0;\n}\nint last(void) { d; }\n"}}},
    }),
    NameOf());

TEST(ReplaceFunctionBodyDone, WhiteSpaceAndCommentsDoNotMatter) {
  const Files files = {{"a.c", "int nv_follow_pfn(void) {/* fixed upstream */ return  0 ; }"}};
  transform::SourceTree tree = transform::SourceTree::of(files);
  const auto applied = apply("replace-function-body", body("\treturn 0;\n"), tree);
  ASSERT_TRUE(applied) << applied.error().message();
  EXPECT_TRUE(applied->already);
  EXPECT_EQ(texts(tree), files);
}

TEST(ReplaceFunctionBodyDone, OneOfTwoIsDone) {
  transform::SourceTree tree = transform::SourceTree::of(
      {{"a.c", "int nv_follow_pfn(void) { return 0; }"}, {"b.c", "int nv_follow_pfn(void) { return 1; }"}});
  const auto applied = apply("replace-function-body", body("return 0;\n", {{"places", std::string("2")}}), tree);
  ASSERT_TRUE(applied) << applied.error().message();
  EXPECT_FALSE(applied->already);
  EXPECT_EQ(texts(tree)["b.c"], "int nv_follow_pfn(void) {\nreturn 0;\n}");
}

class ReplaceFunctionBodyRefuses : public testing::TestWithParam<Refusal> {};
TEST_P(ReplaceFunctionBodyRefuses, Says) {
  expect_refusal("replace-function-body", GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Table, ReplaceFunctionBodyRefuses,
    testing::ValuesIn(std::vector<Refusal>{
        {"only_declared",
         body("x;"),
         {{"a.c", "int nv_follow_pfn(void);\nint h(void) { nv_follow_pfn(); }"}},
         {"found no definitions of the function nv_follow_pfn in a.c"}},
        {"two",
         body("x;"),
         {{"a.c", "int nv_follow_pfn(void) { a; }\n"}, {"b.c", "\nint nv_follow_pfn(void) { b; }\n"}},
         {"found 2 definitions of the function nv_follow_pfn, expected exactly 1: a.c:1, b.c:2"}},
        {"two_that_are_done",
         body("a;"),
         {{"a.c", "int nv_follow_pfn(void) { a; }\n"}, {"b.c", "int nv_follow_pfn(void) { a; }\n"}},
         {"found 2 definitions"}},
        {"cut_by_an_if",
         body("x;"),
         {{"a.c", "#if A\nint nv_follow_pfn(int a)\n{\n#else\nint nv_follow_pfn(long a)\n{\n#endif\n a;\n}\n"}},
         {"a.c:2: an #if begins or ends inside the body of nv_follow_pfn at line 4", "a `patch`"}},
        {"bad_body",
         body("if (a) {\nx;"),
         {{"a.c", ""}},
         {"line 1 of `body` has a `{` without its partner"},
         ErrorKind::usage},
        {"bad_conditional", body("#if A\nx;"), {{"a.c", ""}}, {"an #if in `body` has no partner"}, ErrorKind::usage},
    }),
    NameOf());

}  // namespace
}  // namespace vgpukit::test
