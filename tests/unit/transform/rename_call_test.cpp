#include "transform/transform_fixtures.hpp"

namespace vgpukit::test {
namespace {

transform::Parameters call(std::string from, std::string to, transform::Parameters more = {}) {
  more.insert({{"files", std::string("*.{c,h}")}, {"from", std::move(from)}, {"to", std::move(to)}});
  return more;
}
transform::Parameters signal() {
  return call("eventfd_signal", "eventfd_signal",
              {{"arguments", std::string("$1")}, {"when-arguments", std::string("2")}});
}

class RenameCall : public testing::TestWithParam<Case> {};
TEST_P(RenameCall, Edits) {
  expect_case("rename-call", GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Table, RenameCall,
    testing::ValuesIn(std::vector<Case>{
        {"in_a_function",
         call("f", "g"),
         {{"a.c", "void h(void)\n{\n\tf(1);\n\tx = f (2) + ff(3);\n}\n"}},
         {{"a.c", "void h(void)\n{\n\tg(1);\n\tx = g (2) + ff(3);\n}\n"}},
         2},
        {"behind_keywords_and_casts",
         call("f", "g"),
         {{"a.c", "int h(void) { if (a) f(1); else f(2); (void)f(3); x = y * f(4); return f(5); }"}},
         {{"a.c", "int h(void) { if (a) g(1); else g(2); (void)g(3); x = y * g(4); return g(5); }"}},
         5},
        {"not_comments_and_strings",
         call("f", "g"),
         {{"a.c", "int h(void) { /* f(1) */ puts(\"f(2)\"); // f(3)\n f(4); }\n"}},
         {{"a.c", "int h(void) { /* f(1) */ puts(\"f(2)\"); // f(3)\n g(4); }\n"}}},
        {"not_declarations",
         call("f", "g"),
         {{"a.h",
           "extern int f(int);\nstruct x *f(void);\nint __must_check f(int a);\nint __attribute__((x)) f(int a);\n"},
          {"b.c", "static int f(int a)\n{\n return a;\n}\nint h(void) { f(1); }\n"}},
         {{"a.h",
           "extern int f(int);\nstruct x *f(void);\nint __must_check f(int a);\nint __attribute__((x)) f(int a);\n"},
          {"b.c", "static int f(int a)\n{\n return a;\n}\nint h(void) { g(1); }\n"}}},
        {"not_members_and_names",
         call("f", "g"),
         {{"a.c", "int h(void) { o.f(1); p->f(2); q = f; f(3); }"}},
         {{"a.c", "int h(void) { o.f(1); p->f(2); q = f; g(3); }"}}},
        {"macro_at_file_scope",
         call("MODULE_X", "MODULE_Y"),
         {{"a.c", "int a;\nMODULE_X(1);\nint b(void) { }\nMODULE_X(2);\n"}},
         {{"a.c", "int a;\nMODULE_Y(1);\nint b(void) { }\nMODULE_Y(2);\n"}},
         2},
        {"in_macro_bodies",
         call("f", "g"),
         {{"a.h", "#define F1 f(1)\n#define F2(x) \\\n\tdo { f(x); } \\\n\twhile (0)\n#if f(1)\n#endif\n"}},
         {{"a.h", "#define F1 g(1)\n#define F2(x) \\\n\tdo { g(x); } \\\n\twhile (0)\n#if f(1)\n#endif\n"}},
         2},
        {"not_the_macro_itself",
         call("f", "g"),
         {{"a.h", "#define f(x) old(x)\n#define F2(x) f(x)\n"}},
         {{"a.h", "#define f(x) old(x)\n#define F2(x) g(x)\n"}}},
        {"the_wrapper_keeps_its_call",
         call("f", "nv_f"),
         {{"a.c", "static int nv_f(int a)\n{\n return f(a);\n}\nint h(void) { return f(1); }\n"}},
         {{"a.c", "static int nv_f(int a)\n{\n return f(a);\n}\nint h(void) { return nv_f(1); }\n"}}},
        {"the_wrapper_macro_keeps_its_call",
         call("f", "nv_f"),
         {{"a.c", "#define nv_f(a) f(a)\nint h(void) { return f(1); }\n"}},
         {{"a.c", "#define nv_f(a) f(a)\nint h(void) { return nv_f(1); }\n"}}},
        {"fewer_arguments",
         signal(),
         {{"a.c", "void h(void) { eventfd_signal(trigger, 1); eventfd_signal( p->t[i] , 1 ); }"}},
         {{"a.c", "void h(void) { eventfd_signal(trigger); eventfd_signal(p->t[i]); }"}},
         2},
        {"some_have_the_new_arguments",
         signal(),
         {{"a.c", "void h(void) {\n#if NEW\n eventfd_signal(t);\n#else\n eventfd_signal(t, 1);\n#endif\n}"}},
         {{"a.c", "void h(void) {\n#if NEW\n eventfd_signal(t);\n#else\n eventfd_signal(t);\n#endif\n}"}}},
        {"arguments_with_commas_inside",
         call("f", "g", {{"arguments", std::string("$2, $1, NULL")}}),
         {{"a.c", "void h(void) { f(k(a, b), (struct x){ 1, 2 }); }"}},
         {{"a.c", "void h(void) { g((struct x){ 1, 2 }, k(a, b), NULL); }"}}},
        {"all_arguments_and_their_number",
         call("f", "g", {{"arguments", std::string("$#, $*")}}),
         {{"a.c", "void h(void) { f(a,  /* c */ b); f(); }"}},
         {{"a.c", "void h(void) { g(2, a,  /* c */ b); g(0, ); }"}},
         2},
        {"calls_in_arguments",
         call("f", "g", {{"arguments", std::string("$1, 0")}}),
         {{"a.c", "int h(void) { return f(f(1) + f(f(2))); }"}},
         {{"a.c", "int h(void) { return g(g(1, 0) + g(g(2, 0), 0), 0); }"}},
         4},
        {"arguments_over_lines",
         call("f", "f", {{"arguments", std::string("$1, $2, NULL")}}),
         {{"a.c", "void h(void)\n{\n\tf(a,\n\t  b);\n}\n"}},
         {{"a.c", "void h(void)\n{\n\tf(a, b, NULL);\n}\n"}}},
        {"arguments_in_a_macro",
         call("f", "f", {{"arguments", std::string("$1")}}),
         {{"a.h", "#define X(a) \\\n\tf(a, \\\n\t  1)\n"}},
         {{"a.h", "#define X(a) \\\n\tf(a)\n"}}},
        {"only_with_that_many",
         call("f", "g", {{"when-arguments", std::string("1")}}),
         {{"a.c", "void h(void) { f(); f(1); f(1, 2); }"}},
         {{"a.c", "void h(void) { f(); g(1); f(1, 2); }"}}},
        {"cut_by_an_if",
         call("f", "g"),
         {{"a.c", "void h(void)\n{\n\tf(a,\n#if X\n\t b);\n#else\n\t c);\n#endif\n}\n"}},
         {{"a.c", "void h(void)\n{\n\tg(a,\n#if X\n\t b);\n#else\n\t c);\n#endif\n}\n"}}},
        {"over_files",
         call("f", "g", {{"places", std::string("2")}}),
         {{"a.c", "void h(void) { f(1); }\n"}, {"b.c", "int none;\n"}, {"c.c", "void i(void) { f(2); }"}},
         {{"a.c", "void h(void) { g(1); }\n"}, {"b.c", "int none;\n"}, {"c.c", "void i(void) { g(2); }"}},
         2},
    }),
    NameOf());

class RenameCallRefuses : public testing::TestWithParam<Refusal> {};
TEST_P(RenameCallRefuses, Says) {
  expect_refusal("rename-call", GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Table, RenameCallRefuses,
    testing::ValuesIn(std::vector<Refusal>{
        {"nothing_found",
         call("f", "g"),
         {{"a.c", "int x;"}, {"b.c", "int f(int a);"}},
         {"cannot apply rename-call: found no calls of f in 2 files (a.c, b.c)",
          "done already if there were calls of g"}},
        {"no_files", call("f", "g"), {{"a.S", "f(1)"}}, {"no file of the driver matches *.{c,h}"}},
        {"too_many",
         call("f", "g", {{"places", std::string("1")}}),
         {{"a.c", "void h(void)\n{\n f(1);\n}\n"}, {"b.c", "void i(void) { f(2); }"}},
         {"found 2 calls of f, expected exactly 1: a.c:3, b.c:1", "`places`"}},
        {"too_few",
         call("f", "g", {{"places", std::string("2..3")}}),
         {{"a.c", "void h(void) { f(1); }"}},
         {"found 1 calls of f, expected 2 to 3: a.c:1"}},
        {"argument_missing",
         call("f", "g", {{"arguments", std::string("$2")}}),
         {{"a.c", "void h(void)\n{\n f(1);\n}\n"}},
         {"a.c:3: this call of f has 1 argument, and `$2` needs $2", "when-arguments"}},
        {"arguments_cut_by_an_if",
         call("f", "g", {{"arguments", std::string("$1")}}),
         {{"a.c", "void h(void)\n{\n f(a\n#if X\n , b\n#endif\n );\n}\n"}},
         {"a.c:3: the arguments of this call of f cannot be separated"}},
        {"open_macro",
         call("f", "g", {{"arguments", std::string("$1")}}),
         {{"a.h", "#define BEGIN f(\n"}},
         {"a.h:1: the arguments"}},
        {"other_count_is_no_evidence",
         signal(),
         {{"a.c", "void h(void) { eventfd_signal(a, 1, 2); }"}},
         {"found no calls of eventfd_signal with 2 arguments in a.c", "calls of eventfd_signal with 1 argument"}},
        {"no_name", call("f(", "g"), {{"a.c", ""}}, {"`f(` is not the name of a function"}, ErrorKind::usage},
        {"nothing_would_change", call("f", "f"), {{"a.c", ""}}, {"nothing would change"}, ErrorKind::usage},
        {"never_done",
         call("f", "f", {{"arguments", std::string("$2, $1")}, {"when-arguments", std::string("2")}}),
         {{"a.c", ""}},
         {"as many arguments as before"},
         ErrorKind::usage},
        {"never_done_with_all",
         call("f", "f", {{"arguments", std::string("$*, 1")}}),
         {{"a.c", ""}},
         {"$*"},
         ErrorKind::usage},
        {"bad_count",
         call("f", "g", {{"when-arguments", std::string("two")}}),
         {{"a.c", ""}},
         {"`when-arguments` is `two`"},
         ErrorKind::usage},
        {"bad_places",
         call("f", "g", {{"places", std::string("3..1")}}),
         {{"a.c", ""}},
         {"3..1", "1..3"},
         ErrorKind::usage},
    }),
    NameOf());

TEST(RenameCallPlaces, AnyIsFineWithNone) {
  transform::SourceTree tree = transform::SourceTree::of({{"a.c", "int x;"}});
  const auto applied = apply("rename-call", call("f", "g", {{"places", std::string("any")}}), tree);
  ASSERT_TRUE(applied) << applied.error().message();
  EXPECT_FALSE(applied->already);
  EXPECT_EQ(applied->places(), 0U);
}

}  // namespace
}  // namespace vgpukit::test
