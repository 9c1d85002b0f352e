// Strategies from the kernel's commit, from comments in headers, and from a later point release of the driver.
#include "authoring/strategies_fixture.hpp"

namespace vgpukit::authoring {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string gone = "nvidia/nv.c:1:16: error: implicit declaration of function 'ring'\n";
const std::string called = "void f(void) { ring(a); }\n";

std::string change(const std::string& path, const std::string& before, const std::string& after) {
  return "diff --git a/" + path + " b/" + path + "\n--- a/" + path + "\n+++ b/" + path + "\n@@ -9 +9 @@\n-" + before +
         "\n+" + after + "\n";
}

class CommitStrategies : public StrategiesTest {
 protected:
  CommitStrategies() {
    put("old", "linux/ticker.h", "int ring(struct ticker *t);\n");
    put("new", "linux/ticker.h", "int sound(struct ticker *t, int how);\nint halt(struct ticker *t);\n");
    driver(called);
  }
};

TEST_F(CommitStrategies, TheChangeOfMostCallersIsFirst) {
  commit("ticker: replace ring()", change("a.c", "\tring(x);", "\tsound(x, LOUD);") +
                                       change("b.c", "\tring(x);", "\tsound(x, SOFT);") +
                                       change("c.c", "\tring(t);", "\tsound(t, SOFT);"));
  const auto found = candidates(as_callers, gone);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(result(found[0]), "void f(void) { sound(a, SOFT); }\n");
  EXPECT_EQ(found[0].why, "commit 7.1, 0123456789ab (ticker: replace ring()) changes 2 files so");
  EXPECT_EQ(result(found[1]), "void f(void) { sound(a, LOUD); }\n");
  commit("ticker: replace ring()", change("a.c", "\tring(x);", "\tsound(x, x->how);"));
  EXPECT_THAT(candidates(as_callers, gone), IsEmpty()) << "the driver has no x->how";
}

TEST_F(CommitStrategies, AHeaderThatTheCallersIncludeNow) {
  commit("ticker: replace ring()",
         "diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -1,2 +1,3 @@\n #include <linux/ticker.h>\n+#include "
         "<linux/sound.h>\n int a;\n@@ -9 +10 @@\n-\tring(x);\n+\tsound(x, LOUD);\n");
  driver("#include <linux/ticker.h>\nvoid f(void) { ring(a); }\n");
  const auto found = candidates(as_callers, "nvidia/nv.c:2:16: error: implicit declaration of function 'ring'\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(result(found[0]),
            "#include <linux/ticker.h>\n#include <linux/sound.h>\nvoid f(void) { sound(a, LOUD); }\n");
}

TEST_F(CommitStrategies, AHeaderThatTheCallersIncludeInstead) {
  put("old", "asm/odd.h", "");
  driver("#include <asm/odd.h>\n");
  commit("move odd.h", change("a.c", "#include <asm/odd.h>", "#include <linux/odd.h>"));
  const auto found = candidates(as_callers, "nvidia/nv.c:1:10: fatal error: asm/odd.h: No such file or directory\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(result(found[0]), "#include <linux/odd.h>\n");
}

TEST_F(CommitStrategies, AFieldThatTheCommitRenames) {
  put("old", "linux/ticker.h", "struct ticker {\n  int bell;\n  int other;\n};\n");
  put("new", "linux/ticker.h", "struct ticker {\n  int other;\n  long gong;\n  int horn;\n};\n");
  driver("int f(struct ticker *t) { return t->bell; }\n");
  commit("ticker: a gong", change("a.c", "\tx = t->bell;", "\tx = t->gong;"));
  const auto found = candidates(as_callers, "nvidia/nv.c:1:35: error: 'struct ticker' has no member named 'bell'\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(result(found[0]), "int f(struct ticker *t) { return t->gong; }\n");
}

TEST_F(CommitStrategies, TheMessageNamesTheReplacement) {
  commit("ticker: remove ring()\n\nNobody calls ring(). Use halt(), not sound().", change("a.c", "int a;", "int b;"));
  const auto found = candidates(documented, gone);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].why, AllOf(HasSubstr("commit 7.1, 0123456789ab"), HasSubstr("<linux/ticker.h> has int halt")));
  EXPECT_EQ(result(found[0]), "void f(void) { halt(a); }\n");
}

TEST_F(CommitStrategies, ACommentNamesTheReplacement) {
  put("old", "linux/ticker.h", "/* ring() is deprecated, use halt(). */\nint ring(struct ticker *t);\n");
  const auto found = candidates(documented, gone);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].why, HasSubstr("a comment in 6.12.1-old's <linux/ticker.h> names it"));
  put("old", "linux/ticker.h", "/* Please ring() before you halt(). */\nint ring(struct ticker *t);\n");
  EXPECT_THAT(candidates(documented, gone), IsEmpty()) << "it says nothing of a replacement";
}

// strncpy(): strscpy(), strscpy_pad(), ...
TEST_F(CommitStrategies, WhichOfTwoReplacementsIsRightIsNotKnown) {
  put("new", "linux/ticker.h", "int halt(struct ticker *t);\nint stop(struct ticker *t);\n");
  put("old", "linux/ticker.h",
      "/* Do not use ring(). Instead, call halt() or stop(). */\nint ring(struct ticker *t);\n");
  EXPECT_THAT(candidates(documented, gone), IsEmpty());
}

// drm_helper_mode_fill_fb_struct() in 6.17, as a driver with a branch for older kernels calls it.
TEST_F(StrategiesTest, ANewArgumentIsMadeOfWhatTheCallingFunctionHas) {
  put("old", "drm/drm_fb.h", "void drm_fill(struct drm_dev *dev, struct drm_fb *fb, const struct cmd *cmd);\n");
  const std::string fill =
      "void drm_fill(struct drm_dev *dev, struct drm_fb *fb, const struct info *info, const struct cmd *cmd);\n"
      "struct cmd {\n  u32 pixel;\n  u64 modifier[4];\n};\n"
      "const struct info *drm_info(u32 format);\n";
  put("new", "drm/drm_fb.h", fill + "const struct info *drm_get_info(struct drm_dev *dev, u32 pixel, u64 modifier);\n");
  driver(
      "int f(struct drm_dev *d, struct cmd *c)\n{\n  drm_fill(\n#if defined(NV_HAS_DEV)\n    d,\n#endif\n    "
      "&fb->base,\n"
      "    c);\n}\n");
  const std::string log = "nvidia/nv.c:3:5: error: too few arguments to function 'drm_fill'\n";
  auto found = candidates(add_argument, log);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].why, "drm_get_info(d, c->pixel, c->modifier[0]) makes one of what the calling function has");
  EXPECT_THAT(result(found[0]), HasSubstr("    &fb->base, drm_get_info(d, c->pixel, c->modifier[0]), c);"));
  driver("int f(struct drm_dev *d, struct cmd *c)\n{\n  drm_fill(d, &fb->base, c);\n}\n");
  found = candidates(add_argument, log);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(result(found[0]), HasSubstr("drm_fill(d, &fb->base, drm_get_info(d, c->pixel, c->modifier[0]), c);"));
  put("new", "drm/drm_fb.h",
      fill +
          "const struct info *drm_get_info(struct drm_dev *dev, u32 pixel, u64 modifier);\n"
          "const struct info *drm_other(struct drm_dev *dev, u32 pixel);\n");
  EXPECT_THAT(candidates(add_argument, log), IsEmpty()) << "it may be either";
}

class LaterStrategies : public CommitStrategies {
 protected:
  void later(const std::string& text) {
    later_.clear();
    later_.push_back({"535.9", transform::SourceTree::of({{"nvidia/nv.c", text}})});
  }
};

TEST_F(LaterStrategies, AFunctionThatALaterReleaseCallsThere) {
  later(
      "void f(void)\n{\n#if defined(NV_SOUND_PRESENT)\n  sound(a, LOUD);\n#else\n  ring(a);\n#endif\n}\n"
      "void g(void) { halt(b); }\n");
  const auto found = candidates(later_release, gone);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].why, "sound: 535.9 has that name there, with NV_SOUND_PRESENT");
  EXPECT_EQ(result(found[0]), "void f(void) { sound(a, LOUD); }\n");
}

TEST_F(LaterStrategies, TextOfALaterReleaseIsNotUsed) {
  later("void f(void)\n{\n#if defined(NV_SOUND_PRESENT)\n  sound(a, a->how);\n#else\n  ring(a);\n#endif\n}\n");
  EXPECT_THAT(candidates(later_release, gone), IsEmpty()) << "a->how is more than a name";
  later("void f(void) { nv_ring(a); }\n");
  EXPECT_THAT(candidates(later_release, gone), IsEmpty()) << "the kernel does not declare nv_ring()";
}

// halt() or sound(): both may be for another call of the function.
TEST_F(LaterStrategies, WhichOfTwoNamesReplacesItIsNotKnown) {
  later("void f(void) { sound(a, 1); halt(a); }\n");
  EXPECT_THAT(candidates(later_release, gone), IsEmpty());
  later("void f(void) { sound(b, 1); }\n");
  EXPECT_THAT(candidates(later_release, gone), IsEmpty()) << "it is not called with what ring() got";
}

TEST_F(LaterStrategies, EveryPlaceOfAnErrorNeedsIt) {
  driver("void f(void) { ring(a); }\nvoid g(void) { ring(b); }\n");
  later("void f(void) { sound(a, LOUD); }\nvoid g(void) { ring(b); }\n");
  EXPECT_THAT(candidates(later_release, gone + "nvidia/nv.c:2:16: error: implicit declaration of function 'ring'\n"),
              IsEmpty());
}

TEST_F(LaterStrategies, OtherArgumentsOfTheSameFunction) {
  put("new", "linux/ticker.h", "int ring(struct ticker *t, int how);\n");
  later("void f(void)\n{\n#if defined(NV_RING_TWO)\n  ring(a, LOUD);\n#else\n  ring(a);\n#endif\n}\n");
  const auto found = candidates(later_release, "nvidia/nv.c:1:16: error: too few arguments to function 'ring'\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(result(found[0]), "void f(void) { ring(a, LOUD); }\n");
}

TEST_F(LaterStrategies, AnotherNameIsNotForAFunctionThatIsStillThere) {
  put("new", "linux/ticker.h", "int ring(struct ticker *t, int how);\nint halt(struct ticker *t, int how);\n");
  later("void f(void) { halt(a, LOUD); }\n");
  EXPECT_THAT(candidates(later_release, "nvidia/nv.c:1:16: error: too few arguments to function 'ring'\n"), IsEmpty());
}

TEST_F(LaterStrategies, AFieldThatALaterReleaseUsesThere) {
  put("old", "linux/ticker.h", "struct ticker {\n  int bell;\n};\n");
  put("new", "linux/ticker.h", "struct ticker {\n  long gong;\n  long horn;\n};\n");
  driver("int f(struct ticker *t) { return t->bell; }\n");
  later(
      "int f(struct ticker *t)\n{\n#if defined(NV_TICKER_HAS_GONG)\n  return t->gong;\n#endif\n  return t->bell;\n}\n");
  const auto found = candidates(later_release, "nvidia/nv.c:1:35: error: 'struct ticker' has no member named 'bell'\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].why, "gong: 535.9 has that name there, with NV_TICKER_HAS_GONG");
  EXPECT_EQ(result(found[0]), "int f(struct ticker *t) { return t->gong; }\n");
}

}  // namespace
}  // namespace vgpukit::authoring
