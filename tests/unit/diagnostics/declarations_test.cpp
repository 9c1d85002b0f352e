#include "diagnostics/declarations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpukit::diagnostics {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> read(const std::string& header) {
  std::vector<std::string> lines;
  for (const auto& one : declarations_in(header))
    lines.push_back(std::string(name_kind_word(one.kind)) + " " + one.name + (one.of.empty() ? "" : " of " + one.of) +
                    ": " + one.text);
  return lines;
}

TEST(Declarations, AFunctionIsOneLine) {
  EXPECT_THAT(read("extern int\ndel_timer ( struct timer_list * timer );\n"),
              ElementsAre("function del_timer: int del_timer(struct timer_list *timer)"));
  EXPECT_THAT(read("static inline void f(void) { if (g()) h(); }\nint after(void);\n"),
              ElementsAre("function f: void f(void)", "function after: int after(void)"));
  EXPECT_THAT(read("__printf(1, 2) void say(const char *format, ...);\n"), ElementsAre(HasSubstr("say")));
  EXPECT_THAT(read("struct page *find(unsigned long x) __must_check;\n"),
              ElementsAre("function find: struct page *find(unsigned long x)"));
}

TEST(Declarations, ParametersAreComparedByType) {
  const auto all =
      declarations_in("int f(struct a *x, const char *, unsigned long flags, int (*call)(int));\nint g(void);\n");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_THAT(all[0].arguments, ElementsAre("struct a *", "const char *", "unsigned long", testing::_));
  EXPECT_THAT(all[1].arguments, IsEmpty());
  EXPECT_EQ(all[1].line, 2);
  EXPECT_THAT(arguments_of_type("int (*)(struct a *, const char *)"), ElementsAre("struct a *", "const char *"));
  EXPECT_THAT(arguments_of_type("int *"), IsEmpty());
  EXPECT_THAT(arguments_of_type("int (*)("), IsEmpty());
}

TEST(Declarations, MacrosKeepTheirBody) {
  const auto all =
      declarations_in("#define in_irq() (hardirq_count())\n#define LIMIT 3\n#define PAIR(a, \\\n b) ((a) + (b))\n");
  ASSERT_EQ(all.size(), 3U);
  EXPECT_TRUE(all[0].callable);
  EXPECT_THAT(all[0].body, HasSubstr("hardirq_count"));
  EXPECT_FALSE(all[1].callable);
  EXPECT_THAT(all[2].arguments, ElementsAre("a", "b"));
}

TEST(Declarations, FieldsBelongToTheStructureAlsoInAnonymousUnions) {
  EXPECT_THAT(
      read("struct vma {\n"
           "  union {\n    const vm_flags_t vm_flags;\n    vm_flags_t __private __vm_flags;\n  };\n"
           "#ifdef CONFIG_X\n  int a, *b;\n#endif\n"
           "  int (*open)(struct inode *inode, int mode);\n"
           "  struct { int inner; } named;\n"
           "  unsigned long bits : 3;\n  char text[16];\n};\n"),
      ElementsAre("type vma of struct: struct vma", "field vm_flags of struct vma: const vm_flags_t vm_flags",
                  "field __vm_flags of struct vma: vm_flags_t __private __vm_flags", "field a of struct vma: int a, *b",
                  "field b of struct vma: int a, *b",
                  "field open of struct vma: int (*open)(struct inode *inode, int mode)", "field inner: int inner",
                  "field named of struct vma: named", "field bits of struct vma: unsigned long bits : 3",
                  "field text of struct vma: char text[16]"));
}

TEST(Declarations, TypesConstantsAndVariables) {
  EXPECT_THAT(read("struct forward;\nenum colour { RED, GREEN = 1 << 3 };\ntypedef unsigned int vm_fault_t;\ntypedef "
                   "int (*fn_t)(int);\n"
                   "extern const struct bus_type mdev_bus;\n"),
              ElementsAre("type colour of enum: enum colour", "constant RED: RED", "constant GREEN: GREEN",
                          "type vm_fault_t of typedef: typedef vm_fault_t", "type fn_t of typedef: typedef fn_t",
                          "variable mdev_bus: const struct bus_type mdev_bus"));
}

TEST(Declarations, IncompleteTextDeclaresNothingWithoutAName) {
  for (const std::string text : {"",
                                 "{",
                                 "}",
                                 "(",
                                 "struct",
                                 "struct {",
                                 "struct x {",
                                 "int f(",
                                 "#define",
                                 "#define (",
                                 "typedef",
                                 "int x",
                                 "= ;",
                                 "struct x { int (*",
                                 "enum {",
                                 "a(b)c(d)",
                                 "struct x { } }",
                                 "extern \"C\" {",
                                 "struct x { struct { ; } ",
                                 "[",
                                 "struct x { a b["})
    for (const auto& one : declarations_in(text)) EXPECT_FALSE(one.name.empty()) << text;
  EXPECT_THAT(arguments_of_type("(*)"), IsEmpty());
}

}  // namespace
}  // namespace vgpukit::diagnostics
