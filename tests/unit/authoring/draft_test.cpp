#include "authoring/draft.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnostics/build_log.hpp"
#include "diagnostics/headers_fixture.hpp"
#include "recipe/parse_recipe.hpp"

namespace vgpukit::authoring {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class DraftTest : public diagnostics::HeadersTest {
 protected:
  std::vector<Draft> draft(const std::string& log) const {
    const auto read = diagnostics::read_build_log(
        scratch_.write("make.log", "make[1]: Entering directory '/usr/src/linux-headers-7.2.0-new'\n" + log),
        {"6.12.1-old", "7.2.0-new", "7.2.0"});
    EXPECT_TRUE(read);
    EXPECT_EQ(read->release, "7.2.0-new");
    const auto causes = diagnostics::causes_of(read->errors);
    return draft_recipes(diagnostics::find_api_changes(kernels(), read->release, causes.subjects, {}), read->errors,
                         causes, read->release);
  }
  static recipe::Recipe load(const Draft& draft) {
    auto recipe = recipe::parse_recipe(draft.text, draft.id + ".yaml", {});
    EXPECT_TRUE(recipe) << recipe.error().message() << "\n" << draft.text;
    return recipe ? std::move(*recipe) : recipe::Recipe{};
  }
};

TEST_F(DraftTest, ARenameIsAFinishedDraft) {
  const auto drafts = draft(
      "nvidia/nv.c:5:3: error: implicit declaration of function 'del_timer_sync' [-Wimplicit-function-declaration]\n");
  ASSERT_THAT(drafts, SizeIs(1));
  EXPECT_EQ(drafts[0].id, "7.2-del-timer-sync-renamed");
  EXPECT_EQ(drafts[0].change, "rename-call del_timer_sync -> timer_delete_sync");
  const auto recipe = load(drafts[0]);
  EXPECT_EQ(recipe.explains, std::vector<std::string>{"implicit declaration of function 'del_timer_sync'"});
  auto tree = transform::SourceTree::of({{"nvidia/nv.c", "void f(void) { del_timer_sync(&t); }\n"}});
  ASSERT_THAT(recipe.steps, SizeIs(1));
  ASSERT_TRUE(recipe.steps[0].transform->apply(tree));
  EXPECT_EQ(*tree.read("nvidia/nv.c"), "void f(void) { timer_delete_sync(&t); }\n");
}

TEST_F(DraftTest, UnfinishedDraftsLoadAndApplyToNothing) {
  const auto drafts = draft(
      "a.c:5:3: error: too many arguments to function 'eventfd_signal'\n"
      "a.c:6:3: error: 'struct vma' has no member named '__vm_flags'; did you mean 'vm_flags'?\n"
      "a.c:7:3: error: 'VMA_LOCK_OFFSET' undeclared (first use in this function)\n"
      "a.c:8:3: error: unknown type name 'never_heard_of_t'\n"
      "a.c:8:3: error: assignment of read-only member 'vm_flags'\n"
      "a.c:1:10: fatal error: linux/mdev.h: No such file or directory\n"
      "ERROR: modpost: \"gone_symbol\" [nvidia.ko] undefined!\n"
      "ERROR: modpost: GPL-incompatible module nvidia.ko uses GPL-only symbol 'gpl_symbol'\n");
  ASSERT_THAT(drafts, SizeIs(8));
  for (const auto& each : drafts) {
    EXPECT_THAT(each.change, IsEmpty()) << each.id;
    EXPECT_THAT(each.text, HasSubstr("TODO-finish-this-draft")) << each.id;
    const auto recipe = load(each);
    EXPECT_EQ(recipe.id, each.id);
    EXPECT_EQ(recipe.driver.files.back().what, recipe::FileCondition::What::file) << each.id;
  }
  EXPECT_THAT(
      drafts[0].text,
      HasSubstr(
          "# before: <linux/eventfd.h> line 1 of 6.12.1-old: void eventfd_signal(struct eventfd_ctx *ctx, int n)"));
  EXPECT_THAT(drafts[0].text, HasSubstr("        void eventfd_signal(struct eventfd_ctx *ctx);"));
}

TEST_F(DraftTest, AMissingIncludeIsAdded) {
  const auto drafts =
      draft("nvidia-drm/priv.h:5:3: error: implicit declaration of function 'DRM_ERROR'; did you mean 'X'? [-Wx]\n");
  ASSERT_THAT(drafts, SizeIs(1));
  EXPECT_EQ(drafts[0].change, "add-include <drm/drm_print.h> to nvidia-drm/priv.h");
  load(drafts[0]);
}

TEST_F(DraftTest, AChangeThatFollowsFromAnotherHasNoDraft) {
  const auto drafts = draft(
      "a.c:5:3: error: invalid use of undefined type 'struct drm_atomic_state'\n"
      "a.c:6:3: error: passing argument 1 of 'drm_atomic_check_only' from incompatible pointer type "
      "[-Wincompatible-pointer-types]\n");
  ASSERT_THAT(drafts, SizeIs(1));
  EXPECT_EQ(drafts[0].change, "rename-token struct drm_atomic_state -> struct drm_atomic_commit");
  load(drafts[0]);
}

TEST_F(DraftTest, OneNameHasOneDraft) {
  EXPECT_THAT(draft("a.c:5:3: error: 'no_llseek' undeclared here (not in a function)\n"
                    "b.c:5:3: error: implicit declaration of function 'no_llseek' [-Wx]\n"
                    "c.c:6:3: error: 'struct a' has no member named 'state'\n"
                    "c.c:7:3: error: 'struct b' has no member named 'state'\n"),
              SizeIs(3));
}

}  // namespace
}  // namespace vgpukit::authoring
