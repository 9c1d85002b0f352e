#include "diagnostics/api_changes.hpp"

#include <gmock/gmock.h>

#include "diagnostics/headers_fixture.hpp"

namespace vgpukit::diagnostics {
namespace {

using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class ApiChangesTest : public HeadersTest {
 protected:
  ApiChange find(Subject subject, const std::filesystem::path& driver = {}) const {
    return find_api_changes(kernels(), "7.2.0-new", {std::move(subject)}, driver).front();
  }
  static Subject function(const std::string& name, bool gone = true) {
    return {NameKind::function, name, {}, gone, {}};
  }
};

TEST_F(ApiChangesTest, AWrapperOfAFunctionIsARename) {
  const auto found = find(function("del_timer_sync"));
  ASSERT_TRUE(found.before);
  EXPECT_EQ(found.before->kernel, "6.12.1-old");
  EXPECT_EQ(found.before->header, "linux/timer.h");
  EXPECT_EQ(found.before->line, 4);
  EXPECT_EQ(found.before->text, "int del_timer_sync(struct timer_list *timer)");
  EXPECT_FALSE(found.now) << "uapi is another folder of the list";
  ASSERT_THAT(found.nearest, SizeIs(1)) << "a likely rename is the only result";
  EXPECT_EQ(found.nearest[0].name, "timer_delete_sync");
  EXPECT_TRUE(found.nearest[0].likely_rename);
  EXPECT_EQ(found.nearest[0].place.line, 1);
}

TEST_F(ApiChangesTest, AStructureWithTheSameMembersIsARenameAndItsUsersFollow) {
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
  EXPECT_TRUE(found[1].nearest[0].likely_rename) << "the same arguments with the new name of the type";
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

TEST_F(ApiChangesTest, ANameThatIsNotSimilarEnoughIsNotShown) {
  put("old", "linux/gone.h", "int gone_from_here_now(int a);\n");
  put("new", "linux/gone.h", "long gone_from_other_list(char *a);\n");
  EXPECT_THAT(find(function("gone_from_here_now")).nearest, IsEmpty());
}

TEST_F(ApiChangesTest, ACommentOnALongerNameIsIgnored) {
  put("old", "linux/hr.h",
      "/* hr_start_range() is hr_start_all() */\nint hr_start(int a);\nint hr_start_all(int a);\n");
  put("new", "linux/hr.h", "int hr_start_all(int a);\n");
  for (const auto& near : find(function("hr_start")).nearest) EXPECT_FALSE(near.likely_rename) << near.why;
  put("old", "linux/hr.h", "/* hr_start() is hr_start_all() */\nint hr_start(int a);\nint hr_start_all(int a);\n");
  put("new", "linux/hr.h", "int hr_start_all(int a);\n");
  ASSERT_THAT(find(function("hr_start")).nearest, SizeIs(1));
  EXPECT_TRUE(find(function("hr_start")).nearest[0].likely_rename);
}

TEST_F(ApiChangesTest, AFieldIsSearchedForInItsStructure) {
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

TEST_F(ApiChangesTest, AChangedPrototypeIsThatOfTheHeader) {
  const auto found = find(function("eventfd_signal", false));
  ASSERT_TRUE(found.before && found.now);
  EXPECT_EQ(found.before->text, "void eventfd_signal(struct eventfd_ctx *ctx, int n)");
  EXPECT_EQ(found.now->text, "void eventfd_signal(struct eventfd_ctx *ctx)");
  EXPECT_THAT(found.nearest, IsEmpty());
}

TEST_F(ApiChangesTest, ANameOfAHeaderThatIsNotIncludedIsFound) {
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

TEST_F(ApiChangesTest, UnknownNamesHaveNoResult) {
  EXPECT_THAT(find({NameKind::macro, "VMA_LOCK_OFFSET", "", true, {}}).nearest, IsEmpty());
  const auto unknown = find(function("never_heard_of"));
  EXPECT_FALSE(unknown.before || unknown.now);
  EXPECT_THAT(unknown.nearest, IsEmpty());
  EXPECT_THAT(find_api_changes({}, "7.2.0-new", {function("f")}, {}), SizeIs(1));
  EXPECT_THAT(find_api_changes(kernels(), "9.9", {function("del_timer_sync")}, {}).front().nearest, IsEmpty());
}

TEST_F(ApiChangesTest, TheCommentOfTheDriversConftestIsFound) {
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

TEST_F(ApiChangesTest, AShortNameIsSearchedForInAllHeaders) {
  put("new", "linux/short.h", "int pmrs(void);\nint u3(void);\n");
  EXPECT_THAT(find(function("u33")).nearest, Not(testing::Contains(testing::Field(&NearName::name, "pmrs"))));
  EXPECT_FALSE(find(function("x")).now);
}

}  // namespace
}  // namespace vgpukit::diagnostics
