#include "diagnostics/api_changes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "authoring/draft.hpp"
#include "diagnostics/build_log.hpp"
#include "diagnostics/name_distance.hpp"
#include "recipe/recipe.hpp"
#include "support/scratch.hpp"

namespace vgpukit::diagnostics {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// An old kernel and a new one, with what really happened between 6.12 and 7.2, in a few lines.
class ApiChangesTest : public testing::Test {
 protected:
  ApiChangesTest() {
    put("old", "linux/timer.h",
        "int timer_delete_sync(struct timer_list *timer);\n"
        "int timer_shutdown_sync(struct timer_list *timer);\n"
        "/* del_timer_sync() is only another name; do not use it. */\n"
        "static inline int del_timer_sync(struct timer_list *timer) { return timer_delete_sync(timer); }\n");
    put("new", "linux/timer.h",
        "int timer_delete_sync(struct timer_list *timer);\nint timer_shutdown_sync(struct timer_list *timer);\n");
    put("old", "drm/drm_atomic.h",
        "struct drm_atomic_state {\n  struct drm_device *dev;\n  bool allow_modeset;\n  int planes;\n};\n"
        "int drm_atomic_state_init(struct drm_device *dev, struct drm_atomic_state *state);\n"
        "int drm_atomic_check_only(struct drm_atomic_state *state);\n");
    put("new", "drm/drm_atomic.h",
        "struct drm_atomic_commit {\n  struct drm_device *dev;\n  bool allow_modeset;\n  int planes;\n};\n"
        "int drm_atomic_commit_init(struct drm_device *dev, struct drm_atomic_commit *state);\n"
        "int drm_atomic_check_only(struct drm_atomic_commit *state);\n");
    put("old", "linux/mm_types.h", "struct vma {\n  unsigned long vm_start;\n  vm_flags_t __vm_flags;\n};\n");
    put("new", "linux/mm_types.h", "struct vma {\n  unsigned long vm_start;\n  const vm_flags_t vm_flags;\n};\n");
    put("old", "linux/eventfd.h", "void eventfd_signal(struct eventfd_ctx *ctx, int n);\n#define VMA_LOCK_OFFSET 1\n");
    put("new", "linux/eventfd.h", "void eventfd_signal(struct eventfd_ctx *ctx);\n#define EVENTFD_MASK 1\n");
    put("old", "drm/drm_print.h", "#define DRM_ERROR(fmt, ...) printk(fmt)\n");
    put("new", "drm/drm_print.h", "\n#define DRM_ERROR(fmt, ...) printk(fmt)\n");
    put("old", "linux/mdev.h", "");
    put("new", "linux/mdev_core.h", "");
    put("new", "uapi/linux/ignored.h", "int del_timer_sync(int);\n");
  }

  void put(const std::string& kernel, const std::string& header, const std::string& text) {
    scratch_.write(kernel + "/" + header, text);
  }
  std::vector<kernel::KernelHeaders> kernels() const {
    return {{"6.12.1-old", {scratch_.path() / "old"}}, {"7.2.0-new", {scratch_.path() / "new"}}};
  }
  ApiChange find(Subject subject, const std::filesystem::path& driver = {}) const {
    return find_api_changes(kernels(), "7.2.0-new", {std::move(subject)}, driver).front();
  }
  static Subject function(const std::string& name, bool gone = true) {
    return {NameKind::function, name, {}, gone, {}};
  }

  Scratch scratch_;
};

TEST_F(ApiChangesTest, AFunctionThatWasOnlyAnotherNameIsARename) {
  const auto found = find(function("del_timer_sync"));
  ASSERT_TRUE(found.before);
  EXPECT_EQ(found.before->kernel, "6.12.1-old");
  EXPECT_EQ(found.before->header, "linux/timer.h");
  EXPECT_EQ(found.before->line, 4);
  EXPECT_EQ(found.before->text, "int del_timer_sync(struct timer_list *timer)");
  EXPECT_FALSE(found.now) << "uapi has a folder of its own in the list";
  ASSERT_THAT(found.nearest, SizeIs(1)) << "beside a rename there is nothing to choose from";
  EXPECT_EQ(found.nearest[0].name, "timer_delete_sync");
  EXPECT_TRUE(found.nearest[0].likely_rename);
  EXPECT_EQ(found.nearest[0].place.line, 1);
}

TEST_F(ApiChangesTest, AStructureWithTheSameMembersIsARenameAndWhatTakesItFollows) {
  const auto found = find_api_changes(kernels(), "7.2.0-new",
                                      {{NameKind::type, "drm_atomic_state", "struct", true, {}},
                                       function("drm_atomic_state_init"),
                                       function("drm_atomic_check_only", false)},
                                      {});
  ASSERT_THAT(found[0].nearest, SizeIs(1));
  EXPECT_EQ(found[0].nearest[0].place.text, "struct drm_atomic_commit");
  EXPECT_TRUE(found[0].nearest[0].likely_rename);
  ASSERT_THAT(found[1].nearest, SizeIs(1));
  EXPECT_EQ(found[1].nearest[0].name, "drm_atomic_commit_init");
  EXPECT_TRUE(found[1].nearest[0].likely_rename) << "its arguments are the same but for the type's new name";
  EXPECT_EQ(found[2].follows, "type struct drm_atomic_state");
}

TEST_F(ApiChangesTest, MembersCountMoreThanAName) {
  put("new", "drm/drm_atomic.h",
      "struct drm_atomic_states {\n  struct drm_device *dev;\n  bool other;\n  int counted;\n  char more;\n  long "
      "yet;\n};\n"
      "struct drm_atomic_commit {\n  struct drm_device *dev;\n  bool allow_modeset;\n  int planes;\n};\n");
  const auto found = find({NameKind::type, "drm_atomic_state", "struct", true, {}});
  ASSERT_THAT(found.nearest, SizeIs(1));
  EXPECT_EQ(found.nearest[0].name, "drm_atomic_commit");
}

TEST_F(ApiChangesTest, ANameThatIsOnlyHalfNearIsNotShown) {
  put("old", "linux/gone.h", "int gone_from_here_now(int a);\n");
  put("new", "linux/gone.h", "long gone_from_other_list(char *a);\n");
  EXPECT_THAT(find(function("gone_from_here_now")).nearest, IsEmpty());
}

TEST_F(ApiChangesTest, ACommentAboutALongerNameProvesNothing) {
  put("old", "linux/hr.h",
      "/* hr_start_range() is hr_start_all() */\nint hr_start(int a);\nint hr_start_all(int a);\n");
  put("new", "linux/hr.h", "int hr_start_all(int a);\n");
  for (const auto& near : find(function("hr_start")).nearest) EXPECT_FALSE(near.likely_rename) << near.why;
  put("old", "linux/hr.h", "/* hr_start() is hr_start_all() */\nint hr_start(int a);\nint hr_start_all(int a);\n");
  put("new", "linux/hr.h", "int hr_start_all(int a);\n");
  ASSERT_THAT(find(function("hr_start")).nearest, SizeIs(1));
  EXPECT_TRUE(find(function("hr_start")).nearest[0].likely_rename);
}

TEST_F(ApiChangesTest, AFieldIsLookedForInItsStructure) {
  const auto found = find({NameKind::field, "__vm_flags", "struct vma", true, {}});
  ASSERT_TRUE(found.before);
  EXPECT_EQ(found.before->line, 3);
  ASSERT_THAT(found.nearest, SizeIs(1));
  EXPECT_EQ(found.nearest[0].name, "vm_flags");
  EXPECT_FALSE(found.nearest[0].likely_rename) << "const now";
}

TEST_F(ApiChangesTest, AReadOnlyFieldFindsItsStructure) {
  const auto found = find({NameKind::field, "vm_flags", "", false, {}});
  EXPECT_EQ(found.subject.of, "struct vma");
  ASSERT_TRUE(found.now);
  EXPECT_EQ(found.now->text, "const vm_flags_t vm_flags");
}

TEST_F(ApiChangesTest, AnotherPrototypeIsShownAsItStandsInTheHeader) {
  const auto found = find(function("eventfd_signal", false));
  ASSERT_TRUE(found.before && found.now);
  EXPECT_EQ(found.before->text, "void eventfd_signal(struct eventfd_ctx *ctx, int n)");
  EXPECT_EQ(found.now->text, "void eventfd_signal(struct eventfd_ctx *ctx)");
  EXPECT_THAT(found.nearest, IsEmpty());
}

TEST_F(ApiChangesTest, WhatIsOnlyNotIncludedIsFound) {
  const auto found = find({NameKind::macro, "DRM_ERROR", "", true, {}});
  ASSERT_TRUE(found.now);
  EXPECT_EQ(found.now->header, "drm/drm_print.h");
  EXPECT_EQ(found.now->line, 2);
}

TEST_F(ApiChangesTest, AHeaderIsComparedByItsPath) {
  const auto found = find({NameKind::header, "linux/mdev.h", "", true, {}});
  ASSERT_TRUE(found.before);
  EXPECT_EQ(found.before->header, "linux/mdev.h");
}

TEST_F(ApiChangesTest, NothingIsInvented) {
  EXPECT_THAT(find({NameKind::macro, "VMA_LOCK_OFFSET", "", true, {}}).nearest, IsEmpty());
  const auto unknown = find(function("never_heard_of"));
  EXPECT_FALSE(unknown.before || unknown.now);
  EXPECT_THAT(unknown.nearest, IsEmpty());
  EXPECT_THAT(find_api_changes({}, "7.2.0-new", {function("f")}, {}), SizeIs(1));
  EXPECT_THAT(find_api_changes(kernels(), "9.9", {function("del_timer_sync")}, {}).front().nearest, IsEmpty());
}

TEST_F(ApiChangesTest, TheDriversConftestMayTell) {
  scratch_.write("driver/conftest.sh",
                 "        unsafe_follow_pfn)\n"
                 "            #\n"
                 "            # Determine if unsafe_follow_pfn() is present.\n"
                 "            #\n"
                 "            # unsafe_follow_pfn() was added by commit 69bacee7f9ad\n"
                 "            # (\"mm: Add unsafe_follow_pfn\") in v5.13-rc1. More words.\n"
                 "            #\n");
  EXPECT_EQ(find(function("unsafe_follow_pfn"), scratch_.path() / "driver").conftest,
            "unsafe_follow_pfn() was added by commit 69bacee7f9ad (\"mm: Add unsafe_follow_pfn\") in v5.13-rc1");
  EXPECT_THAT(find(function("follow_pfn"), scratch_.path() / "driver").conftest, IsEmpty())
      << "a part of a longer name";
}

// A name of three letters that no header has is looked for among all words.
TEST_F(ApiChangesTest, AShortNameIsLookedForToo) {
  put("new", "linux/short.h", "int pmrs(void);\nint u3(void);\n");
  EXPECT_THAT(find(function("u33")).nearest, Not(testing::Contains(testing::Field(&NearName::name, "pmrs"))));
  EXPECT_FALSE(find(function("x")).now);
}

TEST(Nearness, IsThatOfWords) {
  EXPECT_GT(nearness("del_timer_sync", "timer_delete_sync"), 0.8);
  EXPECT_GT(nearness("in_irq", "in_hardirq"), 0.7);
  EXPECT_GT(nearness("strncpy", "strscpy"), 0.8);
  EXPECT_LT(nearness("DRM_DEBUG", "DT_DEBUG"), 0.8);
  EXPECT_LT(nearness("VMA_LOCK_OFFSET", "VGA_CRTC_OFFSET"), 0.6);
  EXPECT_EQ(nearness("drm_err", "DRM_ERR"), 1);
  EXPECT_EQ(nearness("", "x"), 0);
  EXPECT_EQ(nearness("___", "_"), nearness("_", "___"));
}

// --- drafts
// ---------------------------------------------------------------------------------------------------------------------

class Drafts : public ApiChangesTest {
 protected:
  std::vector<authoring::Draft> draft(const std::string& log) const {
    const auto read = read_build_log(
        scratch_.write("make.log", "make[1]: Entering directory '/usr/src/linux-headers-7.2.0-new'\n" + log),
        {"6.12.1-old", "7.2.0-new", "7.2.0"});
    EXPECT_TRUE(read);
    EXPECT_EQ(read->release, "7.2.0-new");
    const auto causes = causes_of(read->errors);
    return authoring::draft_recipes(find_api_changes(kernels(), read->release, causes.subjects, {}), read->errors,
                                    causes, read->release);
  }
  static recipe::Recipe load(const authoring::Draft& draft) {
    auto recipe = recipe::parse_recipe(draft.text, draft.id + ".yaml", {});
    EXPECT_TRUE(recipe) << recipe.error().message() << "\n" << draft.text;
    return recipe ? std::move(*recipe) : recipe::Recipe{};
  }
};

TEST_F(Drafts, OfARenameChangesTheDriver) {
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

TEST_F(Drafts, ThatAreNotFinishedLoadAndApplyToNothing) {
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

TEST_F(Drafts, OfWhatIsOnlyNotIncludedAddTheInclude) {
  const auto drafts =
      draft("nvidia-drm/priv.h:5:3: error: implicit declaration of function 'DRM_ERROR'; did you mean 'X'? [-Wx]\n");
  ASSERT_THAT(drafts, SizeIs(1));
  EXPECT_EQ(drafts[0].change, "add-include <drm/drm_print.h> to nvidia-drm/priv.h");
  load(drafts[0]);
}

TEST_F(Drafts, OfWhatFollowsAreLeftOut) {
  const auto drafts = draft(
      "a.c:5:3: error: invalid use of undefined type 'struct drm_atomic_state'\n"
      "a.c:6:3: error: passing argument 1 of 'drm_atomic_check_only' from incompatible pointer type "
      "[-Wincompatible-pointer-types]\n");
  ASSERT_THAT(drafts, SizeIs(1));
  EXPECT_EQ(drafts[0].change, "rename-token struct drm_atomic_state -> struct drm_atomic_commit");
  load(drafts[0]);
}

TEST_F(Drafts, OfOneNameAreOne) {
  EXPECT_THAT(draft("a.c:5:3: error: 'no_llseek' undeclared here (not in a function)\n"
                    "b.c:5:3: error: implicit declaration of function 'no_llseek' [-Wx]\n"
                    "c.c:6:3: error: 'struct a' has no member named 'state'\n"
                    "c.c:7:3: error: 'struct b' has no member named 'state'\n"),
              SizeIs(3));
}

TEST(Causes, AFieldWhoseStructureOneMessageTellsIsThatStructuresInAll) {
  std::vector<Diagnostic> errors(2);
  errors[0].tool = errors[1].tool = "gcc";
  errors[0].message = "assignment of read-only member 'state'";
  errors[1].message = "'struct a' has no member named 'state'";
  const auto causes = causes_of(errors);
  ASSERT_THAT(causes.subjects, SizeIs(1));
  EXPECT_EQ(causes.subjects[0].of, "struct a");
  EXPECT_THAT(causes.errors[0], testing::ElementsAre(0U, 1U));
}

TEST(ReadBuildLog, RefusesWhatIsNoLog) {
  const Scratch scratch;
  const auto why = [](const Result<BuildLog>& result) { return result ? "" : result.error().message(); };
  EXPECT_THAT(why(read_build_log(scratch.path() / "absent.log", {})), HasSubstr("absent.log"));
  EXPECT_THAT(why(read_build_log(scratch.path(), {})), HasSubstr("it is a folder"));
  for (const std::string text : {"", "hello\n", "a shopping list\n- milk\n"}) {
    const auto result = read_build_log(scratch.write("x.log", text), {});
    EXPECT_THAT(why(result), HasSubstr("nothing that make or a compiler printed")) << text;
    if (!result) {
      EXPECT_EQ(result.error().kind, ErrorKind::usage);
    }
  }
  EXPECT_FALSE(read_build_log(scratch.write("binary", std::string("make: \0 x\n", 10)), {}));
  const auto green =
      read_build_log(scratch.write("green.log", "make: Entering directory '/x'\n  CC [M]  nvidia/nv.o\n"), {"6.1"});
  ASSERT_TRUE(green);
  EXPECT_THAT(green->errors, IsEmpty());
  EXPECT_THAT(green->release, IsEmpty());
}

TEST(ReadBuildLog, PathsOfDkmsBecomeRelative) {
  const Scratch scratch;
  const auto log = read_build_log(
      scratch.write(
          "make.log",
          "DKMS make.log for nvidia-535.261.03 for kernel 6.1.0-56-amd64 (x86_64)\n"
          "make[1]: Entering directory '/usr/src/linux-headers-6.1.0-56-amd64'\n"
          "  CC [M]  /var/lib/dkms/nvidia/535.261.03/build/nvidia/nv.o\n"
          "/var/lib/dkms/nvidia/535.261.03/build/nvidia/nv.c:5:3: error: 'x_y' undeclared here (not in a function)\n"),
      {"6.1.0-5", "6.1.0-56-amd64"});
  ASSERT_TRUE(log);
  EXPECT_EQ(log->release, "6.1.0-56-amd64");
  ASSERT_THAT(log->errors, SizeIs(1));
  EXPECT_EQ(log->errors[0].file, "nvidia/nv.c");
}

}  // namespace
}  // namespace vgpukit::diagnostics
