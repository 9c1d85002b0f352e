#include "conftest/conftest_snippet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpukit::conftest {
namespace {

using testing::Contains;
using testing::ElementsAre;

SnippetShape shape(const std::string& code, bool inverted = false) {
  return shape_of({code, code, inverted});
}

TEST(ConftestSnippet, ACalledNameIsExclusive) {
  const auto one = shape("#include <linux/mm.h>\nvoid conftest_f(void) {\n    follow_pfn();\n}", true);
  EXPECT_THAT(one.exclusive_names, testing::UnorderedElementsAre("conftest_f", "follow_pfn"));
  EXPECT_FALSE(one.needs_own_unit);
  EXPECT_FALSE(one.late);
  EXPECT_FALSE(one.tentative);
}

TEST(ConftestSnippet, MembersAndTagsAreNotExclusive) {
  const auto one = shape("int conftest_x(void) {\n    return offsetof(struct vm_fault, address);\n}");
  EXPECT_THAT(one.exclusive_names, ElementsAre("conftest_x"));
  EXPECT_FALSE(one.late);
}

TEST(ConftestSnippet, AVariableOfATypeThatMayComeLaterIsTentative) {
  EXPECT_TRUE(shape("#include <linux/mdev.h>\nstruct mdev_parent_ops conftest_mdev_parent_ops;").tentative);
  EXPECT_TRUE(shape("enum vfio_device_mig_state device_state;\n").tentative);
  EXPECT_FALSE(shape("int flags = DRM_UNLOCKED;").tentative);
  EXPECT_FALSE(shape("static int f(struct x *y) { return 0; }\nstruct ops o = { .f = f };").tentative);
}

TEST(ConftestSnippet, ANameAtFileScopeIsExclusive) {
  // gcc reports an undeclared name at file scope only once for each file.
  EXPECT_THAT(shape("int flags = DRM_UNLOCKED;").exclusive_names, Contains("DRM_UNLOCKED"));
}

TEST(ConftestSnippet, CodeThatAffectsOthersNeedsItsOwnUnit) {
  EXPECT_TRUE(shape("#define X 1\nint x = X;").needs_own_unit);
  EXPECT_TRUE(shape("#undef X\nint x;").needs_own_unit);
  EXPECT_TRUE(shape("#pragma GCC diagnostic ignored \"-Wall\"\nint x;").needs_own_unit);
  EXPECT_TRUE(shape("void f(void) { g(;").needs_own_unit) << "open brace";
  EXPECT_TRUE(shape("void f(void) { } }").needs_own_unit);
  EXPECT_TRUE(shape("int x; /* never ends").needs_own_unit);
  EXPECT_TRUE(shape("char *x = \"never ends;\n").needs_own_unit);
  EXPECT_TRUE(shape("#if defined(NV_X)\nint x;").needs_own_unit) << "no #endif";
  EXPECT_TRUE(shape("#endif\nint x;").needs_own_unit);
  EXPECT_TRUE(shape("#include \"own.h\"\nint x;").needs_own_unit);
  EXPECT_TRUE(shape("void f(void) { asm(\"nop\"); }").needs_own_unit);
}

TEST(ConftestSnippet, AnIncludeWhoseConditionDependsOnHeadersNeedsItsOwnUnit) {
  EXPECT_FALSE(shape("#if defined(NV_DRM_DRMP_H_PRESENT) && !defined(CONFIG_X)\n#include <drm/drmP.h>\n#endif\nint x;")
                   .needs_own_unit);
  EXPECT_TRUE(shape("#if LINUX_VERSION_CODE > 1\n#include <drm/drmP.h>\n#endif\nint x;").needs_own_unit);
  EXPECT_FALSE(shape("#if LINUX_VERSION_CODE > 1\nint x;\n#endif\n").needs_own_unit);
}

TEST(ConftestSnippet, CodeWithPossibleErrorsAfterParsingIsLate) {
  EXPECT_TRUE(shape("int f(void) { return drm_encoder_init(0, 1); }").late);
  EXPECT_TRUE(shape("int f(int x) { if (x) return 1; }").late);
  EXPECT_TRUE(shape("void f(void) { struct eventfd_ctx *ctx; g(ctx, 1); }", true).locals);
}

}  // namespace
}  // namespace vgpukit::conftest
