#include "transform/recognise.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpukit::transform {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

RecognisedDiff recognise(const std::string& hunks, const std::string& file = "nvidia/nv.c") {
  auto made = recognise_diff("--- a/" + file + "\n+++ b/" + file + "\n" + hunks, "a.patch");
  EXPECT_TRUE(made) << made.error().message();
  return made ? *made : RecognisedDiff{};
}

TEST(RecogniseDiff, ACallThatIsRenamed) {
  const auto made =
      recognise("@@ -1,3 +1,3 @@\n {\n-    del_timer_sync(&timer->t);\n+    timer_delete_sync(&timer->t);\n }\n");
  ASSERT_THAT(made.steps, SizeIs(1));
  EXPECT_EQ(made.steps[0].kind, "rename-call");
  EXPECT_THAT(made.steps[0].parameters, ElementsAre(Pair("from", "del_timer_sync"), Pair("to", "timer_delete_sync")));
  EXPECT_EQ(made.steps[0].construct, "del_timer_sync(");
  EXPECT_THAT(made.steps[0].files, ElementsAre("nvidia/nv.c"));
  EXPECT_THAT(made.gone, ElementsAre("del_timer_sync"));
  EXPECT_THAT(made.fresh, ElementsAre("timer_delete_sync"));
  EXPECT_EQ(made.rest, "");
}

TEST(RecogniseDiff, ANameThatIsNoCall) {
  const auto made = recognise(
      "@@ -1,2 +1,2 @@\n-    struct dma_buf_map map;\n-    f(&(struct dma_buf_map){0});\n"
      "+    struct iosys_map map;\n+    f(&(struct iosys_map){0});\n");
  ASSERT_THAT(made.steps, SizeIs(1)) << "two lines, one step";
  EXPECT_EQ(made.steps[0].kind, "rename-token");
  EXPECT_THAT(made.steps[0].parameters, ElementsAre(Pair("from", "dma_buf_map"), Pair("to", "iosys_map")));
}

TEST(RecogniseDiff, AnInitializerThatGoes) {
  const auto made = recognise("@@ -1,3 +1,2 @@\n     .owner = THIS_MODULE,\n-    .llseek = no_llseek,\n };\n");
  ASSERT_THAT(made.steps, SizeIs(1));
  EXPECT_EQ(made.steps[0].kind, "remove-initializer");
  EXPECT_THAT(made.steps[0].parameters, ElementsAre(Pair("field", "llseek"), Pair("value", "no_llseek")));
  EXPECT_EQ(made.steps[0].construct, "no_llseek");
}

TEST(RecogniseDiff, AHeaderAndAnExport) {
  const auto made = recognise(
      "@@ -1,2 +1,3 @@\n #include <linux/fs.h>\n+# include <linux/mm.h>\n \n"
      "@@ -9,1 +10,1 @@\n-EXPORT_SYMBOL(nv_get_ops);\n+EXPORT_SYMBOL_GPL(nv_get_ops);\n");
  ASSERT_THAT(made.steps, SizeIs(2));
  EXPECT_EQ(made.steps[0].kind, "add-include");
  EXPECT_THAT(made.steps[0].parameters, ElementsAre(Pair("header", "linux/mm.h")));
  EXPECT_EQ(made.steps[1].kind, "export-gpl");
  EXPECT_THAT(made.steps[1].parameters, ElementsAre(Pair("symbols", "nv_get_ops")));
}

TEST(RecogniseDiff, ArgumentsThatComeAndGo) {
  const auto made = recognise(
      "@@ -1,2 +1,2 @@\n-    rc = eventfd_signal(vgpu->trigger[i], 1);\n-    return g(f(a, h(b, c)), d);\n"
      "+    rc = eventfd_signal(vgpu->trigger[i]);\n+    return g(f(h(b, c), NULL, a), d);\n");
  ASSERT_THAT(made.steps, SizeIs(2));
  EXPECT_THAT(made.steps[0].parameters, ElementsAre(Pair("from", "eventfd_signal"), Pair("to", "eventfd_signal"),
                                                    Pair("when-arguments", "2"), Pair("arguments", "$1")));
  EXPECT_THAT(made.steps[1].parameters, ElementsAre(Pair("from", "f"), Pair("to", "f"), Pair("when-arguments", "2"),
                                                    Pair("arguments", "$2, NULL, $1")));
  EXPECT_THAT(made.calls, ElementsAre("eventfd_signal", "f"));
}

TEST(RecogniseDiff, WhatIsNoTransformStaysADiff) {
  const std::string hunk = "@@ -4,3 +4,3 @@ int f(void)\n {\n-    return 1;\n+    return 2;\n }\n";
  const auto made = recognise("@@ -1,1 +1,1 @@\n-old_name(1);\n+new_name(1);\n" + hunk);
  EXPECT_THAT(made.steps, SizeIs(1));
  EXPECT_EQ(made.rest, "--- a/nvidia/nv.c\n+++ b/nvidia/nv.c\n" + hunk);
  EXPECT_THAT(made.rest_files, ElementsAre("nvidia/nv.c"));
  // A hunk goes to the steps or to the rest as a whole: a part of it could not be applied.
  const auto mixed = recognise("@@ -1,3 +1,3 @@\n-old_name(1);\n+new_name(1);\n {\n-    return 1;\n+    return 2;\n");
  EXPECT_THAT(mixed.steps, IsEmpty());
  EXPECT_THAT(mixed.rest, HasSubstr("+new_name(1);"));
}

TEST(RecogniseDiff, ARenameOfOnlySomeIsNoRename) {
  EXPECT_THAT(recognise("@@ -1,1 +1,1 @@\n-f(a, a);\n+f(a, b);\n").steps, IsEmpty());
  EXPECT_THAT(recognise("@@ -1,1 +1,1 @@\n-f(1);\n+f(2);\n").steps, IsEmpty()) << "it could be done again and again";
  EXPECT_THAT(recognise("@@ -1,1 +1,1 @@\n-ccflags-y += -DA\n+ccflags-y += -DB\n", "Kbuild").steps, IsEmpty())
      << "no C";
}

TEST(RecogniseDiff, AVersionInTheAddedLines) {
  const auto made =
      recognise("@@ -1,1 +1,5 @@\n+#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)\n a();\n+#else\n+b();\n+#endif\n");
  EXPECT_EQ(made.version, "6.12");
  EXPECT_NE(made.rest, "");
}

TEST(RecogniseDiff, WhatIsNoDiffIsRefused) {
  for (const char* bad :
       {"", "hello", "--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n-a\n", "--- a/../x\n+++ b/../x\n@@ -1 +1 @@\n-a\n+b\n"}) {
    const auto made = recognise_diff(bad, "a.patch");
    ASSERT_FALSE(made) << bad;
    EXPECT_EQ(made.error().kind, ErrorKind::usage);
  }
}

}  // namespace
}  // namespace vgpukit::transform
