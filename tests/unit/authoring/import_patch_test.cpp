#include "authoring/import_patch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnostics/headers_fixture.hpp"
#include "recipe/parse_recipe.hpp"

namespace vgpukit::authoring {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* renamed =
    "From 0123 Mon Sep 17 00:00:00 2001\n"
    "Subject: [PATCH 1/2] Use timer_delete_sync\n"
    "\n"
    "---\n"
    "--- a/kernel/nvidia/nv.c\n"
    "+++ b/kernel/nvidia/nv.c\n"
    "@@ -10,3 +10,3 @@\n"
    " void stop(void) {\n"
    "-    del_timer_sync(&nvl->timer);\n"
    "+    timer_delete_sync(&nvl->timer);\n"
    " }\n";
constexpr const char* added =
    "--- a/nvidia/os.c\n"
    "+++ b/nvidia/os.c\n"
    "@@ -1,1 +1,2 @@\n"
    " int a;\n"
    "+int b;\n";

// HeadersTest has the headers of 6.12.1-old and 7.2.0-new.
class ImportPatch : public diagnostics::HeadersTest {
 protected:
  ImportedPatch import(const std::string& diff, const std::string& release = "") const {
    const auto made = import_patch(diff, "/tmp/0001-fix timers.patch", kernels(), release);
    EXPECT_TRUE(made) << made.error().message();
    return made ? *made : ImportedPatch{};
  }
  // The draft as vgpukit reads it.
  recipe::Recipe load(const ImportedPatch& made) const {
    if (!made.patch.empty()) scratch_.write("patches/" + made.id + ".patch", made.patch);
    auto recipe = recipe::parse_recipe(made.text, made.id + ".yaml", scratch_.path() / "patches");
    EXPECT_TRUE(recipe) << recipe.error().message() << "\n" << made.text;
    return recipe ? std::move(*recipe) : recipe::Recipe{};
  }
};

TEST_F(ImportPatch, ARenameBecomesATransformWithTheConditionOfTheHeaders) {
  const auto made = import(renamed);
  EXPECT_EQ(made.id, "new-0001-fix-timers");
  EXPECT_EQ(made.condition, "lacks declaration del_timer_sync linux/timer.h");
  EXPECT_THAT(made.steps, ElementsAre("rename-call del_timer_sync -> timer_delete_sync in nvidia/nv.c"));
  EXPECT_THAT(made.patch, IsEmpty());
  EXPECT_THAT(made.text, AllOf(HasSubstr("lacks: {declaration: del_timer_sync, header: linux/timer.h}"),
                               HasSubstr("summary: \"TODO Use timer_delete_sync\"")));
  const auto recipe = load(made);
  ASSERT_THAT(recipe.steps, SizeIs(1));
  auto tree = transform::SourceTree::of({{"nvidia/nv.c", "void f(void) { del_timer_sync(&other->timer); }\n"}});
  ASSERT_TRUE(recipe.steps[0].transform->apply(tree));
  EXPECT_EQ(*tree.read("nvidia/nv.c"), "void f(void) { timer_delete_sync(&other->timer); }\n");
}

TEST_F(ImportPatch, WhatNoTransformDescribesStaysADiff) {
  const auto made = import(std::string(renamed) + added);
  EXPECT_THAT(made.steps, ElementsAre("patch of 1 file, the first is nvidia/os.c",
                                      "rename-call del_timer_sync -> timer_delete_sync in nvidia/nv.c"));
  EXPECT_THAT(made.patch, AllOf(HasSubstr("+int b;"), testing::Not(HasSubstr("timer"))));
  const auto recipe = load(made);
  ASSERT_THAT(recipe.steps, SizeIs(2));
  auto tree = transform::SourceTree::of(
      {{"nvidia/nv.c", "void f(void) { del_timer_sync(&t); }\n"}, {"nvidia/os.c", "int a;\n"}});
  for (const auto& step : recipe.steps) ASSERT_TRUE(step.transform->apply(tree));
  EXPECT_EQ(*tree.read("nvidia/os.c"), "int a;\nint b;\n");
}

TEST_F(ImportPatch, ADraftWhoseNamesNoHeaderHasAppliesToNoDriver) {
  const auto made = import(
      "--- a/nvidia/nv.c\n+++ b/nvidia/nv.c\n@@ -1,1 +1,1 @@\n-int a = own_old_name(1);\n+int a = own_new_name(1);\n");
  EXPECT_EQ(made.condition, "");
  EXPECT_THAT(made.text, AllOf(HasSubstr("# TODO kernel: {lacks: {declaration: own_old_name, header: linux/x.h}}"),
                               HasSubstr("remove this line when `kernel` has a condition")));
  load(made);
}

TEST_F(ImportPatch, AVersionInThePatchIsTheConditionIfTheHeadersShowNone) {
  const auto made = import(
      "--- a/nvidia/nv.c\n+++ b/nvidia/nv.c\n@@ -1,2 +1,5 @@\n int a;\n+#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, "
      "15, 0)\n"
      "+int b;\n+#endif\n int c;\n");
  EXPECT_EQ(made.condition, "version >=6.15");
  EXPECT_EQ(made.id, "6.15-0001-fix-timers");
  load(made);
}

TEST_F(ImportPatch, AFileThatIsNoDiffIsBadInput) {
  const auto refused = import_patch("hello\n", "hello.patch", kernels(), "");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_THAT(refused.error().message(), HasSubstr("hello.patch"));
}

}  // namespace
}  // namespace vgpukit::authoring
