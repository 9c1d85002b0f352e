#include "transform/token_match.hpp"
#include "transform/transform_fixtures.hpp"

namespace vgpukit::test {
namespace {

transform::Parameters find(std::string what, std::string how, std::string text, transform::Parameters more = {}) {
  more.insert({{"files", List{"*.c", "*.h", "Kbuild"}}, {"find", std::move(what)}, {std::move(how), std::move(text)}});
  return more;
}
transform::Parameters with(std::string what, std::string text, transform::Parameters more = {}) {
  return find(std::move(what), "with", std::move(text), std::move(more));
}

class Replace : public testing::TestWithParam<Case> {};
TEST_P(Replace, Edits) {
  expect_case("replace", GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Table, Replace,
    testing::ValuesIn(std::vector<Case>{
        {"by_tokens",
         with("pci_dev->dev.bus->iommu_ops == NULL", "!device_iommu_mapped(&pci_dev->dev)"),
         {{"a.c",
           "if (pci_dev -> dev.bus\n      ->iommu_ops /* none */ ==  NULL)\n\tx;\n/* pci_dev->dev.bus->iommu_ops == "
           "NULL */\n"}},
         {{"a.c", "if (!device_iommu_mapped(&pci_dev->dev))\n\tx;\n/* pci_dev->dev.bus->iommu_ops == NULL */\n"}}},
        {"wildcards",
         with("old($1, $2, 0)", "new_call($2, $1)"),
         {{"a.c", "x = old(a + b(1, 2), (c, d), 0) + old(a, b, c, 0) + old(a, b, 1);\n"}},
         {{"a.c", "x = new_call((c, d), a + b(1, 2)) + old(a, b, c, 0) + old(a, b, 1);\n"}}},
        {"a_wildcard_before_other_text",
         with("f($1.bus)", "g($1.dev)"),
         {{"a.c", "f(p->q.bus);\n"}},
         {{"a.c", "g(p->q.dev);\n"}}},
        {"the_same_again",
         with("f($1, $1)", "twice($1)"),
         {{"a.c", "f(a, b); f(a[0], a [0]); f(a, a.b);\n"}},
         {{"a.c", "f(a, b); twice(a[0]); f(a, a.b);\n"}}},
        {"the_result_has_it_inside", with("f($1)", "g(f($1))"), {{"a.c", "f(1);\n"}}, {{"a.c", "g(f(1));\n"}}},
        {"empty_parameter_list",
         with("int nv_register_driver()", "int nv_register_driver(void)"),
         {{"a.c", "int nv_register_driver()\n{\n}\n"}},
         {{"a.c", "int nv_register_driver(void)\n{\n}\n"}}},
        {"lines_take_the_indentation",
         with("old();", "if (a)\n    new_call();\n#if X\nmore();\n#endif\n"),
         {{"a.c", "void f(void)\n{\n\t\told();\n}\n"}},
         {{"a.c", "void f(void)\n{\n\t\tif (a)\n\t\t    new_call();\n#if X\n\t\tmore();\n#endif\n}\n"}}},
        {"in_a_macro_body",
         with("old($1);", "new_call($1);\nmore();"),
         {{"a.h", "#define X(a) do { \\\n\t\told(a); \\\n\t} while (0)\n"}},
         {{"a.h", "#define X(a) do { \\\n\t\tnew_call(a); \\\n\t\tmore(); \\\n\t} while (0)\n"}}},
        {"a_directive",
         with("#if defined(NV_A)", "#if defined(NV_A) || defined(NV_B)"),
         {{"a.c", "#  if defined( NV_A ) /* c */\nx\n#endif\n#if defined(NV_A) && Y\n#endif\n"}},
         {{"a.c", "#if defined(NV_A) || defined(NV_B)\nx\n#endif\n#if defined(NV_A) && Y\n#endif\n"}}},
        {"code_with_a_directive_in_it",
         with("a();\n#if X\nb();\n#endif", "c();"),
         {{"a.c", "a();\n\n#if X // why\n b ();\n#endif\nd();\n"}},
         {{"a.c", "c();\nd();\n"}}},
        {"within_a_function",
         with("x();", "y_();", {{"within", std::string("g")}}),
         {{"a.c", "void f(void) { x(); }\nvoid g(void) { x(); }\n"}},
         {{"a.c", "void f(void) { x(); }\nvoid g(void) { y_(); }\n"}}},
        {"deletion_leaves_nothing", with("x();", ""), {{"a.c", "x(); y();\n"}}, {{"a.c", " y();\n"}}, 1, false},
        {"a_result_without_a_name",
         with("return foo(1);", "return -1;"),
         {{"a.c", "int f(void) { return foo(1); }\n"}},
         {{"a.c", "int f(void) { return -1; }\n"}},
         1,
         false},
        {"insert_before_on_a_line",
         find("MODULE_VERSION($1);", "insert-before", "MODULE_IMPORT_NS(\"IOMMUFD\");\n"),
         {{"a.c", "int x;\n  MODULE_VERSION(\"1\");\n"}},
         {{"a.c", "int x;\n  MODULE_IMPORT_NS(\"IOMMUFD\");\n  MODULE_VERSION(\"1\");\n"}}},
        {"insert_after_on_a_line",
         find("MODULE_VERSION($1);", "insert-after", "#if X\nMODULE_IMPORT_NS(IOMMUFD);\n#endif\n"),
         {{"a.c", "MODULE_VERSION(\"1\"); /* v */\nint x;\n"}},
         {{"a.c", "MODULE_VERSION(\"1\"); /* v */\n#if X\nMODULE_IMPORT_NS(IOMMUFD);\n#endif\nint x;\n"}}},
        {"insert_after_with_a_wildcard",
         find(".attach_ioas = $1,", "insert-after", ".detach_ioas = my_$1,\n"),
         {{"a.c", "x = {\n\t.attach_ioas = a,\n\t.b = c,\n};\n"}},
         {{"a.c", "x = {\n\t.attach_ioas = a,\n\t.detach_ioas = my_a,\n\t.b = c,\n};\n"}}},
        {"insert_after_where_more_follows",
         find("a();", "insert-after", "b();\n"),
         {{"a.c", "\ta(); c();\n"}},
         {{"a.c", "\ta();\n\tb();\n\t c();\n"}}},
        {"insert_before_where_something_stands",
         find("a();", "insert-before", "b();\n"),
         {{"a.c", "\tx; a();\n"}},
         {{"a.c", "\tx; \n\tb();\n\ta();\n"}}},
        {"insert_in_the_line",
         find("int f", "insert-before", "static "),
         {{"a.c", "int f;\n"}},
         {{"a.c", "static int f;\n"}}},
        {"insert_at_the_end_of_the_file",
         find("last();", "insert-after", "more();\n"),
         {{"a.c", "\nlast();"}},
         {{"a.c", "\nlast();\nmore();"}}},
        {"several_places",
         with("a($1)", "b_($1)", {{"places", std::string("3")}}),
         {{"a.c", "a(1); a(2);"}, {"b.c", "a(3);"}},
         {{"a.c", "b_(1); b_(2);"}, {"b.c", "b_(3);"}},
         3},
        {"literal_text_elsewhere",
         {{"files", std::string("Kbuild")},
          {"find", std::string("obj-m += $(x)\n")},
          {"with", std::string("obj-m += $1\n")}},
         {{"Kbuild", "obj-m  += $(x)\nobj-m += $(x)\ny\n"}},
         {{"Kbuild", "obj-m  += $(x)\nobj-m += $1\ny\n"}}},
        {"literal_insertion",
         find("a = 1\n", "insert-after", "b = 2\n"),
         {{"Kbuild", "a = 1\nc\n"}},
         {{"Kbuild", "a = 1\nb = 2\nc\n"}}},
        {"the_body_of_an_if",
         with("a();", "b();\nc();"),
         {{"a.c", "void f(void)\n{\n\tif (x) {\n\t\ta();\n\t}\n\tif (y)\n\t\td();\n}\n"}},
         {{"a.c", "void f(void)\n{\n\tif (x) {\n\t\tb();\n\t\tc();\n\t}\n\tif (y)\n\t\td();\n}\n"}}},
        {"one_statement_for_one_without_braces",
         with("return a($1);", "if ($1) { b(); } else return c();"),
         {{"a.c", "int f(void)\n{\n\tif (x)\n\t\treturn a(1);\n}\n"}},
         {{"a.c", "int f(void)\n{\n\tif (x)\n\t\tif (1) { b(); } else return c();\n}\n"}}},
        {"a_statement_behind_a_macro",
         with("a();", "b();\nc();"),
         {{"a.c", "#define M(x) x\nMODULE_X(1)\nvoid f(void)\n{\n\ta();\n}\n"}},
         {{"a.c", "#define M(x) x\nMODULE_X(1)\nvoid f(void)\n{\n\tb();\n\tc();\n}\n"}}},
        {"not_the_parameters_of_a_macro",
         with("() {", "(void)\n{"),
         {{"a.c", "#define M() { (void)0; }\nint f() {\n}\n"}},
         {{"a.c", "#define M() { (void)0; }\nint f(void)\n{\n}\n"}},
         1,
         false},
        {"a_member_that_keeps_its_name",
         with("page->old", "page->fresh"),
         {{"a.c", "x = vmf->page->old;\n"}},
         {{"a.c", "x = vmf->page->fresh;\n"}}},
    }),
    NameOf());

class ReplaceRefuses : public testing::TestWithParam<Refusal> {};
TEST_P(ReplaceRefuses, Says) {
  expect_refusal("replace", GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Table, ReplaceRefuses,
    testing::ValuesIn(std::vector<Refusal>{
        {"nothing_found",
         with("old_call($1)", "new_call($1)"),
         {{"a.c", "/* old_call(1) */ old_call();\n"}},
         {"found no `old_call($1)` in a.c", "if the result were in these files"}},
        {"two", with("a();", "b();"), {{"a.c", "a();\na();\n"}}, {"found 2 `a();`, expected exactly 1: a.c:1, a.c:2"}},
        {"the_result_is_there_too_often", with("a();", "b();"), {{"a.c", "b();\nb();\n"}}, {"found no `a();` in a.c"}},
        {"cannot_be_told",
         with("return f();", "return -1;"),
         {{"a.c", "return -1;"}},
         {"found no `return f();`", "is not known: the result has no name"}},
        {"not_within",
         with("a();", "b();", {{"within", std::string("g")}}),
         {{"a.c", "void f(void) { a(); }\nvoid h(void) { b(); }"}},
         {"found no `a();` within the function g in a.c"}},
        {"within_in_a_kbuild_file",
         with("a", "b", {{"within", std::string("g")}}),
         {{"Kbuild", "a"}},
         {"`within` needs a C file, and Kbuild is not one"},
         ErrorKind::usage},
        {"white_space_matters_in_text",
         with("a = 1", "a = 2"),
         {{"Kbuild", "a  = 1\n"}},
         {"found no `a = 1` in Kbuild"}},
        {"two_hows",
         with("a", "b", {{"insert-after", std::string("c")}}),
         {},
         {"exactly one of `with`, `insert-before` and `insert-after`"},
         ErrorKind::usage},
        {"no_how",
         {{"files", std::string("*.c")}, {"find", std::string("a")}},
         {},
         {"exactly one of"},
         ErrorKind::usage},
        {"nothing_to_insert", find("a", "insert-after", " \n"), {}, {"the text to insert is empty"}, ErrorKind::usage},
        {"wildcard_first", with("$1 == NULL", "x"), {}, {"begins with a wildcard"}, ErrorKind::usage},
        {"wildcard_last", with("a = $1", "x"), {}, {"ends with a wildcard"}, ErrorKind::usage},
        {"wildcards_side_by_side", with("f($1 $2)", "x"), {}, {"next to each other"}, ErrorKind::usage},
        {"unknown_wildcard",
         with("f($1)", "g($2)"),
         {},
         {"the new text has $2, and `find` does not"},
         ErrorKind::usage},
        {"no_token", with(" /* c */ ", "x"), {}, {"there is no token in it"}, ErrorKind::usage},
        {"two_statements_for_the_body_of_an_if",
         with("return a($1);", "a($1);\nreturn 0;"),
         {{"a.c", "int f(void)\n{\n\tif (x)\n\t\treturn a(1);\n\treturn 1;\n}\n"}},
         {"a.c:4: this statement is all that the `if` before it controls", "braces"}},
        {"no_statement_for_the_body_of_an_else",
         with("a();", "/* nothing to do */"),
         {{"a.c", "void f(void)\n{\n\tif (x)\n\t\tb();\n\telse\n#ifdef Y\n\t\ta();\n#endif\n}\n"}},
         {"a.c:7: this statement is all that the `else` before it controls"}},
        {"insert_behind_the_body_of_a_loop",
         find("a();", "insert-after", "b();\n"),
         {{"a.c", "void f(void)\n{\n\tlist_for_each(p, &q) // all\n\t\ta();\n}\n"}},
         {"a.c:4: this statement is all that the `list_for_each` before it controls"}},
        {"insert_before_the_body_of_an_if",
         find("a();", "insert-before", "b();\n"),
         {{"a.h", "#define M(x) do { \\\n\tif (x) a(); } while (0)\n"}},
         {"a.h:2: this statement is all that the `if` before it controls"}},
        {"more_than_the_head_of_an_inner_if",
         with("if (a($1))", "x = $1;\nif (a())"),
         {{"a.c", "void f(void)\n{\n\tif (y) c(); else if (a(1)) b();\n}\n"}},
         {"a.c:3: this statement is all that the `else` before it controls"}},
        {"a_member_of_something_else",
         with("page->pgmap", "page_pgmap(page)"),
         {{"a.c", "x = vmf->page->pgmap;\n"}},
         {"a.c:1: `page` is a member of something else here"}},
        {"the_driver_defines_it_itself",
         with("DRM_UNLOCKED", "0", {{"places", std::string("any")}}),
         {{"a.h", "#ifndef DRM_UNLOCKED\n#define DRM_UNLOCKED 0\n#endif\n"}},
         {"a.h:1: the driver itself asks whether DRM_UNLOCKED is defined"}},
        {"asked_with_defined",
         with("DRM_UNLOCKED", "0", {{"places", std::string("any")}}),
         {{"a.h", "#if defined(DRM_UNLOCKED)\nint a = DRM_UNLOCKED;\n#endif\n"}},
         {"a.h:1: the driver itself asks whether DRM_UNLOCKED is defined"}},
        {"an_argument_that_would_be_computed_twice",
         with("f($1, $2)", "g($1, size($1), $2)"),
         {{"a.c", "x = f(*p++, q++);\n"}},
         {"a.c:1: `*p++` would be computed more than once"}},
    }),
    NameOf());

// The texts of the wildcards of a match.
std::vector<std::string> captured(const std::string& pattern, const std::string& source) {
  const auto parsed = transform::TokenPattern::parse(pattern, true);
  if (!parsed) return {parsed.error().message()};
  const std::vector<transform::Token> row = transform::flat_tokens(source);
  std::vector<std::string> texts;
  for (const auto& match : parsed->find(row)) {
    const auto [first, last] = match.captures[1];
    const auto span = transform::span_of(row, first, last);
    texts.push_back(source.substr(span.begin, span.end - span.begin));
  }
  return texts;
}

TEST(TokenPattern, AWildcardIsOneBalancedExpression) {
  using testing::ElementsAre;
  using testing::IsEmpty;
  EXPECT_THAT(captured("f($1)", "f(a) f((a, b)) f(x[1, 2].y) f({1; 2})"),
              ElementsAre("a", "(a, b)", "x[1, 2].y", "{1; 2}"));
  EXPECT_THAT(captured("f($1)", "f() f(a, b) f(a; b)"), IsEmpty());
  EXPECT_THAT(captured("a = $1;", "a = b = c;"), ElementsAre("b = c"));
  EXPECT_THAT(captured("if ($1) x", "if (a) y; if (b) x"), ElementsAre("b"));
  EXPECT_THAT(captured("f($1)", "f(a\n#if X\n + b\n#endif\n)"), IsEmpty());
  EXPECT_THAT(captured("\"$1\" f($1)", "\"$1\" f(a)"), ElementsAre("a"));
  EXPECT_THAT(captured("#define X $1\ny", "#define X (1 + 2)\ny"), ElementsAre("(1 + 2)"));
}

}  // namespace
}  // namespace vgpukit::test
