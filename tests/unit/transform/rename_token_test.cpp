#include "transform/transform_fixtures.hpp"

namespace vgpukit::test {
namespace {

transform::Parameters token(std::string from, std::string to, transform::Parameters more = {}) {
  more.insert(
      {{"files", List{"*.c", "*.h", "conftest.sh", "Kbuild"}}, {"from", std::move(from)}, {"to", std::move(to)}});
  return more;
}

class RenameToken : public testing::TestWithParam<Case> {};
TEST_P(RenameToken, Edits) {
  expect_case("rename-token", GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Table, RenameToken,
    testing::ValuesIn(std::vector<Case>{
        {"an_identifier",
         token("a_t", "b_t"),
         {{"a.c", "a_t x; my_a_t y; p->a_t = a_t2; f(a_t);\n"}},
         {{"a.c", "b_t x; my_a_t y; p->b_t = a_t2; f(b_t);\n"}},
         3},
        {"not_comments_strings_and_includes",
         token("a", "b"),
         {{"a.c", "#include <linux/a.h>\n#include \"a.h\"\n/* a */ \"a\" 'a' // a\na\n"}},
         {{"a.c", "#include <linux/a.h>\n#include \"a.h\"\n/* a */ \"a\" 'a' // a\nb\n"}}},
        {"in_directives",
         token("NV_OLD", "NV_NEW"),
         {{"a.h", "#if defined(NV_OLD) /* NV_OLD */ \\\n  && NV_OLD > 1\n#define X NV_OLD\n#endif // NV_OLD\n"}},
         {{"a.h", "#if defined(NV_NEW) /* NV_OLD */ \\\n  && NV_NEW > 1\n#define X NV_NEW\n#endif // NV_OLD\n"}},
         3},
        {"two_tokens_keep_what_is_between",
         token("struct dma_buf_map", "struct iosys_map"),
         {{"a.c", "struct dma_buf_map *a; struct\n  /* old */ dma_buf_map b; enum dma_buf_map c;\n"}},
         {{"a.c", "struct iosys_map *a; struct\n  /* old */ iosys_map b; enum dma_buf_map c;\n"}},
         2},
        {"one_token_to_two", token("foo_t", "struct foo"), {{"a.c", "foo_t x;\n"}}, {{"a.c", "struct foo x;\n"}}},
        {"the_result_has_the_old_name_in_it",
         token("foo", "struct foo"),
         {{"a.c", "foo x; struct foo y;\n"}},
         {{"a.c", "struct foo x; struct foo y;\n"}}},
        {"in_a_script",
         token("struct dma_buf_map", "struct iosys_map"),
         {{"conftest.sh",
           "    # takes 'struct dma_buf_map'\n    CODE=\"\n    #include <x.h>\n    int f(struct dma_buf_map *m, struct "
           "dma_buf_map2 *n) {}\"\n"}},
         {{"conftest.sh",
           "    # takes 'struct dma_buf_map'\n    CODE=\"\n    #include <x.h>\n    int f(struct iosys_map *m, struct "
           "dma_buf_map2 "
           "*n) {}\"\n"}}},
        {"a_directive_in_a_script",
         token("NV_A", "NV_B"),
         {{"conftest.sh", "## NV_A\n#\n#if defined(NV_A)\n"}},
         {{"conftest.sh", "## NV_A\n#\n#if defined(NV_B)\n"}}},
    }),
    NameOf());

class RenameTokenRefuses : public testing::TestWithParam<Refusal> {};
TEST_P(RenameTokenRefuses, Says) {
  expect_refusal("rename-token", GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Table, RenameTokenRefuses,
    testing::ValuesIn(std::vector<Refusal>{
        {"nothing_found",
         token("old", "new"),
         {{"a.c", "/* old new */"}, {"conftest.sh", "older\n# old\n"}},
         {"cannot apply rename-token: found no `old` in 2 files (a.c, conftest.sh)", "if `new` were in these files"}},
        {"too_many",
         token("old", "new", {{"places", std::string("1")}}),
         {{"a.c", "old\nold"}, {"conftest.sh", "\n old\n"}},
         {"found 3 `old`, expected exactly 1: a.c:1, a.c:2, conftest.sh:2"}},
        {"no_token", token("/* c */", "new"), {{"a.c", ""}}, {"there is no token in it"}, ErrorKind::usage},
        {"the_same", token("a", " a "), {{"a.c", "a"}}, {"`from` and `to` are the same"}, ErrorKind::usage},
        {"a_member_of_something_else",
         token("screen_info.", "display.screen."),
         {{"a.c", "a = screen_info.base;\nb = boot_params.screen_info.base;\n"}},
         {"a.c:2: `screen_info` is a member of something else here"}},
    }),
    NameOf());

}  // namespace
}  // namespace vgpukit::test
