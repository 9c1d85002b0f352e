#include "transform/transform_fixtures.hpp"

namespace vgpukit::test {
namespace {

transform::Parameters symbols(List names) {
  return {{"files", std::string("**/*.c")}, {"symbols", std::move(names)}};
}

class ExportGpl : public testing::TestWithParam<Case> {};
TEST_P(ExportGpl, Edits) {
  expect_case("export-gpl", GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Table, ExportGpl,
    testing::ValuesIn(std::vector<Case>{
        {"two_and_nothing_else",
         symbols({"set_ops", "get_ops"}),
         {{"nvidia/a.c", "EXPORT_SYMBOL(set_ops);\nEXPORT_SYMBOL(other);\nEXPORT_SYMBOL(set_ops2);\n"},
          {"b.c", "EXPORT_SYMBOL ( get_ops );\n"}},
         {{"nvidia/a.c", "EXPORT_SYMBOL_GPL(set_ops);\nEXPORT_SYMBOL(other);\nEXPORT_SYMBOL(set_ops2);\n"},
          {"b.c", "EXPORT_SYMBOL_GPL ( get_ops );\n"}},
         2},
        {"one_is_done",
         symbols({"a", "b"}),
         {{"a.c", "EXPORT_SYMBOL_GPL(a);\nEXPORT_SYMBOL(b);\n"}},
         {{"a.c", "EXPORT_SYMBOL_GPL(a);\nEXPORT_SYMBOL_GPL(b);\n"}}},
        {"not_comments_and_macros",
         symbols({"a"}),
         {{"a.c", "/* EXPORT_SYMBOL(a); */\n#define E EXPORT_SYMBOL(a)\nEXPORT_SYMBOL(a);"}},
         {{"a.c", "/* EXPORT_SYMBOL(a); */\n#define E EXPORT_SYMBOL(a)\nEXPORT_SYMBOL_GPL(a);"}}},
        {"not_other_shapes",
         symbols({"a"}),
         {{"a.c", "EXPORT_SYMBOL(a, b);\nEXPORT_SYMBOL[a];\nEXPORT_SYMBOL(a);\n"}},
         {{"a.c", "EXPORT_SYMBOL(a, b);\nEXPORT_SYMBOL[a];\nEXPORT_SYMBOL_GPL(a);\n"}}},
        {"in_both_branches",
         symbols({"a"}),
         {{"a.c", "#if X\nEXPORT_SYMBOL(a);\n#else\nEXPORT_SYMBOL(a);\n#endif\n"}},
         {{"a.c", "#if X\nEXPORT_SYMBOL_GPL(a);\n#else\nEXPORT_SYMBOL_GPL(a);\n#endif\n"}},
         2},
    }),
    NameOf());

class ExportGplRefuses : public testing::TestWithParam<Refusal> {};
TEST_P(ExportGplRefuses, Says) {
  expect_refusal("export-gpl", GetParam());
}

INSTANTIATE_TEST_SUITE_P(Table, ExportGplRefuses,
                         testing::ValuesIn(std::vector<Refusal>{
                             {"one_is_missing",
                              symbols({"a", "b"}),
                              {{"a.c", "EXPORT_SYMBOL(a);\nEXPORT_SYMBOL_NS(b, X);\nint b;"}},
                              {"found no EXPORT_SYMBOL(b) nor EXPORT_SYMBOL_GPL(b) in a.c"}},
                             {"no_symbols", symbols({}), {{"a.c", ""}}, {"`symbols` is empty"}, ErrorKind::usage},
                         }),
                         NameOf());

}  // namespace
}  // namespace vgpukit::test
