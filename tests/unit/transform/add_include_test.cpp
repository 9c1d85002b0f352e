#include "transform/transform_fixtures.hpp"

namespace vgpukit::test {
namespace {

transform::Parameters include(std::string header, transform::Parameters more = {}) {
  more.insert({{"files", std::string("*.{c,h}")}, {"header", std::move(header)}});
  return more;
}

class AddInclude : public testing::TestWithParam<Case> {};
TEST_P(AddInclude, Edits) {
  expect_case("add-include", GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Table, AddInclude,
    testing::ValuesIn(std::vector<Case>{
        {"behind_the_last",
         include("linux/mm.h"),
         {{"a.c",
           "/* c */\n#define X\n#include \"nv.h\"\n\n#include <linux/fs.h> /* why */\n\nint x;\n#include "
           "\"late.h\"\n"}},
         {{"a.c",
           "/* c */\n#define X\n#include \"nv.h\"\n\n#include <linux/fs.h> /* why */\n#include <linux/mm.h>\n\nint "
           "x;\n#include "
           "\"late.h\"\n"}}},
        {"with_quotes",
         include("\"nv-linux.h\""),
         {{"a.c", "#include <a.h>\n"}},
         {{"a.c", "#include <a.h>\n#include \"nv-linux.h\"\n"}}},
        {"without_a_final_newline",
         include("b.h"),
         {{"a.c", "\n#include <a.h>"}},
         {{"a.c", "\n#include <a.h>\n#include <b.h>"}}},
        {"in_an_include_guard",
         include("b.h"),
         {{"a.h", "/* c */\n#ifndef A_H\n#define A_H\n#include <a.h>\nint x;\n#endif /* A_H */\n"}},
         {{"a.h", "/* c */\n#ifndef A_H\n#define A_H\n#include <a.h>\n#include <b.h>\nint x;\n#endif /* A_H */\n"}}},
        {"never_in_an_if",
         include("b.h"),
         {{"a.c", "#include <a.h>\n#if defined(X)\n#include <x.h>\n#else\n#include <y.h>\n#endif\nint x;\n"}},
         {{"a.c",
           "#include <a.h>\n#include <b.h>\n#if defined(X)\n#include <x.h>\n#else\n#include <y.h>\n#endif\nint x;\n"}}},
        {"there_is_one_in_an_if",
         include("b.h"),
         {{"a.c", "#if X\n#include <b.h>\n#endif\n#include <a.h>\n"}},
         {{"a.c", "#if X\n#include <b.h>\n#endif\n#include <a.h>\n#include <b.h>\n"}}},
        {"after_a_header",
         include("b.h", {{"after", std::string("linux/a.h")}}),
         {{"a.c", "#include <linux/a.h>\n#include <z.h>\nint x;\n"}, {"c.c", "#include <z.h>\n"}},
         {{"a.c", "#include <linux/a.h>\n#include <b.h>\n#include <z.h>\nint x;\n"}, {"c.c", "#include <z.h>\n"}}},
        {"after_a_header_in_an_if",
         include("b.h", {{"after", std::string("x.h")}}),
         {{"a.c", "#include <a.h>\n#if X\n#include <x.h>\n#endif\n"}},
         {{"a.c", "#include <a.h>\n#if X\n#include <x.h>\n#include <b.h>\n#endif\n"}}},
        {"the_other_branch_does_not_count",
         include("b.h", {{"after", std::string("x.h")}}),
         {{"a.c", "#if X\n#include <x.h>\n#else\n#include <b.h>\n#endif\n"}},
         {{"a.c", "#if X\n#include <x.h>\n#include <b.h>\n#else\n#include <b.h>\n#endif\n"}}},
        {"some_files_have_it",
         include("b.h"),
         {{"a.c", "#include <b.h>\n"}, {"c.c", "#include <a.h>\n"}, {"d.c", "int none;\n"}},
         {{"a.c", "#include <b.h>\n"}, {"c.c", "#include <a.h>\n#include <b.h>\n"}, {"d.c", "int none;\n"}}},
        {"after_a_header_in_both_branches",
         include("b.h", {{"after", std::string("x.h")}}),
         {{"a.c", "#if X\n#include <x.h>\n#include <x.h>\n#elif Y\n#include <y.h>\n#else\n#include <x.h>\n#endif\n"}},
         {{"a.c",
           "#if X\n#include <x.h>\n#include <b.h>\n#include <x.h>\n#elif Y\n#include <y.h>\n#else\n#include <x.h>\n"
           "#include <b.h>\n#endif\n"}},
         2},
    }),
    NameOf());

class AddIncludeRefuses : public testing::TestWithParam<Refusal> {};
TEST_P(AddIncludeRefuses, Says) {
  expect_refusal("add-include", GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Table, AddIncludeRefuses,
    testing::ValuesIn(std::vector<Refusal>{
        {"no_include",
         include("b.h"),
         {{"a.c", "int x;\n#include <late.h>\n"}},
         {"found no #include that another one can follow in a.c"}},
        {"no_such_after",
         include("b.h", {{"after", std::string("x.h")}}),
         {{"a.c", "#include <a.h>\n"}},
         {"found no #include of x.h in a.c"}},
        {"only_in_an_if",
         include("b.h"),
         {{"a.c", "#if X\n#include <a.h>\n#endif\n"}},
         {"a.c:2: all #includes at the beginning are inside an #if", "`after`"}},
        {"two_lines", include("a.h>\n#include <b.h"), {{"a.c", ""}}, {"more than one line"}, ErrorKind::usage},
    }),
    NameOf());

}  // namespace
}  // namespace vgpukit::test
