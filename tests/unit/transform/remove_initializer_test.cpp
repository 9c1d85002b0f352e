#include "transform/transform_fixtures.hpp"

namespace vgpukit::test {
namespace {

transform::Parameters llseek(transform::Parameters more = {}) {
  more.insert({{"files", std::string("*.c")}, {"field", std::string("llseek")}, {"value", std::string("no_llseek")}});
  return more;
}
transform::Parameters of_fops(transform::Parameters more = {}) {
  more.insert({"of", std::string("struct file_operations")});
  return llseek(std::move(more));
}

class RemoveInitializer : public testing::TestWithParam<Case> {};
TEST_P(RemoveInitializer, Edits) {
  expect_case("remove-initializer", GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Table, RemoveInitializer,
    testing::ValuesIn(std::vector<Case>{
        {"lines_of_their_own",
         of_fops(),
         {{"a.c",
           "static const struct file_operations a = {\n\t.read = r,\n\t.llseek = no_llseek,\n};\nstruct "
           "file_operations b[] = { "
           "{\n\t.llseek  =  no_llseek ,\n\t.open = o,\n} };\n"}},
         {{"a.c",
           "static const struct file_operations a = {\n\t.read = r,\n};\nstruct file_operations b[] = { {\n\t.open = "
           "o,\n} };\n"}},
         2},
        {"no_evidence_without_of",
         llseek(),
         {{"a.c", "struct file_operations a = {\n\t.llseek = no_llseek,\n};\n"}},
         {{"a.c", "struct file_operations a = {\n};\n"}},
         1,
         false},
        {"assignments_are_no_initializers",
         llseek(),
         {{"a.c",
           "void f(void) { x.llseek = no_llseek; }\nstruct file_operations a = {\n\t.llseek = no_llseek,\n};\n"}},
         {{"a.c", "void f(void) { x.llseek = no_llseek; }\nstruct file_operations a = {\n};\n"}},
         1,
         false},
        {"twice_on_a_line",
         of_fops(),
         {{"a.c", "struct file_operations a = {\n\t.read = r, .llseek = no_llseek, .llseek = no_llseek,\n};\n"}},
         {{"a.c", "struct file_operations a = {\n\t.read = r, \n};\n"}},
         2},
        {"one_inside_the_value_of_another",
         {{"files", std::string("*.c")}, {"field", std::string("date")}, {"of", std::string("struct file_operations")}},
         {{"a.c",
           "struct file_operations a = {\n\t.read = r,\n\t.date = f((struct file_operations){ .date = 1 }),\n};\n"}},
         {{"a.c", "struct file_operations a = {\n\t.read = r,\n};\n"}}},
        {"last_without_comma",
         of_fops(),
         {{"a.c", "struct file_operations a = {\n\t.read = r,\n\t.llseek = no_llseek\n};\n"}},
         {{"a.c", "struct file_operations a = {\n\t.read = r,\n};\n"}}},
        {"comments_on_its_line",
         of_fops(),
         {{"a.c",
           "struct file_operations a = {\n\t/* no seek */ .llseek = no_llseek, /* none */ // really\n\t.read = r, // "
           "stays\n};\n"}},
         {{"a.c", "struct file_operations a = {\n\t.read = r, // stays\n};\n"}}},
        {"a_comment_that_goes_on",
         of_fops(),
         {{"a.c", "struct file_operations a = {\n\t.llseek = no_llseek, /* about\n\t the next */\n\t.read = r,\n};\n"}},
         {{"a.c", "struct file_operations a = {\n\t/* about\n\t the next */\n\t.read = r,\n};\n"}}},
        {"a_shared_line",
         of_fops(),
         {{"a.c",
           "struct file_operations a = { .read = r, .llseek = no_llseek, .open = o };\nstruct file_operations b = {\n "
           ".read = r, "
           ".llseek = no_llseek,\n};\nstruct file_operations c = { .llseek = no_llseek };\n"}},
         {{"a.c",
           "struct file_operations a = { .read = r, .open = o };\nstruct file_operations b = {\n .read = "
           "r,\n};\nstruct "
           "file_operations c = { };\n"}},
         3},
        {"in_an_if",
         of_fops(),
         {{"a.c",
           "struct file_operations a = {\n\t.read = r,\n#if OLD\n\t.llseek = no_llseek,\n#endif\n\t.open = o,\n};\n"}},
         {{"a.c", "struct file_operations a = {\n\t.read = r,\n#if OLD\n#endif\n\t.open = o,\n};\n"}}},
        {"last_in_an_if",
         of_fops(),
         {{"a.c", "struct file_operations a = {\n\t.read = r,\n#if OLD\n\t.llseek = no_llseek\n#endif\n};\n"}},
         {{"a.c", "struct file_operations a = {\n\t.read = r,\n#if OLD\n#endif\n};\n"}}},
        {"over_lines",
         of_fops({{"field", std::string("open")}, {"value", std::string("pick(a, b)")}}),
         {{"a.c", "struct file_operations a = {\n\t.open =\n\t\tpick(a,\n\t\t     b),\n\t.read = r,\n};\n"}},
         {{"a.c", "struct file_operations a = {\n\t.read = r,\n};\n"}}},
        {"any_value",
         {{"files", std::string("*.c")},
          {"field", std::string(".llseek")},
          {"of", std::string("struct file_operations")}},
         {{"a.c",
           "struct file_operations a = {\n\t.llseek = noop_llseek,\n};\nstruct file_operations b = {\n\t.llseek = (x, "
           "y),\n};\n"}},
         {{"a.c", "struct file_operations a = {\n};\nstruct file_operations b = {\n};\n"}},
         2},
        {"only_this_value",
         of_fops(),
         {{"a.c",
           "struct file_operations a = {\n\t.llseek = noop_llseek,\n};\nstruct file_operations b = {\n\t.llseek = "
           "no_llseek,\n};\n"}},
         {{"a.c", "struct file_operations a = {\n\t.llseek = noop_llseek,\n};\nstruct file_operations b = {\n};\n"}}},
        {"only_this_type",
         of_fops(),
         {{"a.c",
           "struct other a = {\n\t.llseek = no_llseek,\n};\nf(&(struct file_operations) {\n\t.llseek = "
           "no_llseek,\n});\n"}},
         {{"a.c", "struct other a = {\n\t.llseek = no_llseek,\n};\nf(&(struct file_operations) {\n});\n"}}},
        {"only_initializers",
         of_fops(),
         {{"a.c",
           "void f(void) { x.llseek = no_llseek; /* .llseek = no_llseek, */ }\nstruct file_operations a = {\n\t.llseek "
           "= "
           "no_llseek,\n};"}},
         {{"a.c",
           "void f(void) { x.llseek = no_llseek; /* .llseek = no_llseek, */ }\nstruct file_operations a = {\n};"}}},
        {"not_in_a_function_that_takes_the_type",
         of_fops(),
         {{"a.c",
           "void f(struct file_operations *p)\n{\n\tstruct other o = { .llseek = no_llseek };\n}\nstruct "
           "file_operations a = {\n\t.llseek = no_llseek,\n};\n"}},
         {{"a.c",
           "void f(struct file_operations *p)\n{\n\tstruct other o = { .llseek = no_llseek };\n}\nstruct "
           "file_operations a = {\n};\n"}}},
        {"not_of_a_member_with_another_type",
         of_fops(),
         {{"a.c",
           "struct file_operations a[] = {\n\t[0] = {\n\t\t.inner = { .llseek = no_llseek },\n\t\t.p = &(struct "
           "other){ "
           ".llseek = no_llseek },\n\t\t.llseek = no_llseek,\n\t},\n};\n"}},
         {{"a.c",
           "struct file_operations a[] = {\n\t[0] = {\n\t\t.inner = { .llseek = no_llseek },\n\t\t.p = &(struct "
           "other){ "
           ".llseek = no_llseek },\n\t},\n};\n"}}},
        {"a_second_declarator",
         of_fops(),
         {{"a.c", "static struct file_operations a = { .read = r }, b = { .llseek = no_llseek };\n"}},
         {{"a.c", "static struct file_operations a = { .read = r }, b = { };\n"}}},
        {"behind_a_comment_that_began_before",
         of_fops(),
         {{"a.c", "struct file_operations a = {\n\t/* as\n\t// before */ .llseek = no_llseek,\n\t.read = r,\n};\n"}},
         {{"a.c", "struct file_operations a = {\n\t/* as\n\t// before */\n\t.read = r,\n};\n"}}},
    }),
    NameOf());

TEST(RemoveInitializerDone, AnEarlierStepOfThePlanHasDoneIt) {
  transform::SourceTree tree =
      transform::SourceTree::of({{"a.c", "struct file_operations a = {\n\t.llseek = no_llseek,\n};\n"}});
  tree.write("a.c", "struct file_operations a = {\n\t.llseek = noop_llseek,\n};\n");
  const auto applied = apply("remove-initializer", llseek(), tree);
  ASSERT_TRUE(applied) << applied.error().message();
  EXPECT_TRUE(applied->already);
}

class RemoveInitializerRefuses : public testing::TestWithParam<Refusal> {};
TEST_P(RemoveInitializerRefuses, Says) {
  expect_refusal("remove-initializer", GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Table, RemoveInitializerRefuses,
    testing::ValuesIn(std::vector<Refusal>{
        {"cannot_know",
         llseek(),
         {{"a.c", "struct file_operations a = { .read = r };"}},
         {"found no initializer .llseek = no_llseek in a.c", "is not known; `of: TYPE`"}},
        {"no_such_type",
         of_fops(),
         {{"a.c", "struct other a = { .read = r };"}},
         {"found no initializer .llseek = no_llseek of struct file_operations in a.c",
          "if struct file_operations had an initializer"}},
        {"too_many",
         of_fops({{"places", std::string("1")}}),
         {{"a.c",
           "struct file_operations a = {\n .llseek = no_llseek };\nstruct file_operations b = {\n .llseek = no_llseek "
           "};\n"}},
         {"found 2 initializer", "a.c:2, a.c:4"}},
        {"value_in_an_if",
         of_fops(),
         {{"a.c", "struct file_operations a = {\n.llseek =\n#if A\n no_llseek,\n#else\n b,\n#endif\n};\n"}},
         {"a.c:2: an #if is inside of the initializer .llseek"}},
        {"no_field",
         llseek({{"field", std::string("a.b")}}),
         {{"a.c", ""}},
         {"`a.b` is not the name of a field"},
         ErrorKind::usage},
        {"only_a_function_takes_the_type",
         of_fops(),
         {{"a.c", "void f(struct file_operations *p)\n{\n\tif (sizeof(struct file_operations)) {\n\t}\n}\n"}},
         {"found no initializer .llseek = no_llseek of struct file_operations in a.c"}},
        {"a_value_without_a_name_follows",
         of_fops(),
         {{"a.c", "struct file_operations a = {\n\t.llseek = no_llseek, nv_read,\n\t.open = o,\n};\n"}},
         {"a.c:2: the value behind .llseek has no name, and its field follows from .llseek"}},
        {"in_a_macro",
         of_fops(),
         {{"a.c", "#define OPS .open = o, \\\n\t.llseek = no_llseek\nstruct file_operations a = { OPS };\n"}},
         {"a.c:1: a macro has the initializer .llseek"}},
    }),
    NameOf());

}  // namespace
}  // namespace vgpukit::test
