#include "authoring/kernel_history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "authoring/git_clone.hpp"

namespace vgpukit::authoring {
namespace {

using diagnostics::NameKind;
using testing::AllOf;
using testing::HasSubstr;

const std::string header = "include/linux/ticker.h";

class KernelHistoryTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!find_program("git")) GTEST_SKIP() << "there is no git";
  }
  // What is asked for: a function of <linux/ticker.h> that 6.1 declares.
  Result<KernelCommit> find(const std::string& declaration, bool gone = true,
                            const std::string& release = "6.13.2-amd64") {
    const auto declared = diagnostics::declarations_in(declaration + "\n");
    EXPECT_EQ(declared.size(), 1U);
    diagnostics::ApiChange api;
    api.subject = {declared[0].kind, declared[0].name, "", gone, {}};
    api.before = diagnostics::HeaderPlace{"6.1", "linux/ticker.h", 1, declared[0].text};
    return commit_that_changed(clone_.path(), release, api, &declared[0]);
  }
  std::string why(const Result<KernelCommit>& found) { return found ? found->subject : found.error().why; }

  test::GitClone clone_;
};

TEST_F(KernelHistoryTest, TheCommitThatRemovedAFunction) {
  clone_.commit("one", {{header, "int ring(int a);\nint halt(int a);\n"}});
  clone_.git({"tag", "v6.11"});
  const auto id = clone_.commit("ticker: remove ring()\n\nUse halt() instead.", {{header, "int halt(int a);\n"}});
  clone_.git({"tag", "v6.12-rc1"});
  clone_.commit("another", {{header, "int halt(int a);\nint wait(int a);\n"}});
  clone_.git({"tag", "v6.13"});
  clone_.commit("of the next release", {{"a.c", "int a;\n"}});
  const auto found = find("int ring(int a);");
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->id, id);
  EXPECT_EQ(found->subject, "ticker: remove ring()");
  EXPECT_THAT(found->message, HasSubstr("Use halt() instead."));
  EXPECT_EQ(found->release, "6.12");
}

// A new name of a parameter is no change for callers.
TEST_F(KernelHistoryTest, TheCommitThatChangedItsArguments) {
  clone_.commit("one", {{header, "int ring(int a, int b);\n"}});
  clone_.commit("names", {{header, "int ring(int count, int b);\n"}});
  const auto id = clone_.commit("ticker: one argument", {{header, "int ring(int count);\n"}});
  clone_.commit("names again", {{header, "int ring(int number);\n"}});
  const auto found = find("int ring(int a, int b);", false);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->id, id);
}

TEST_F(KernelHistoryTest, ACommitOfAMergedBranch) {
  clone_.commit("one", {{header, "int ring(int a);\n"}});
  clone_.git({"checkout", "-q", "-b", "side"});
  clone_.commit("prepare", {{"a.c", "int a;\n"}});
  const auto id = clone_.commit("ticker: remove ring()", {{header, "int halt(int a);\n"}});
  clone_.git({"checkout", "-q", "master"});
  clone_.commit("meanwhile", {{"b.c", "int b;\n"}});
  clone_.git({"merge", "-q", "--no-edit", "side"});
  clone_.commit("later", {{"b.c", "int c;\n"}});
  const auto found = find("int ring(int a);");
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->id, id);
}

// The release is that of the last change: what was removed may have come back.
TEST_F(KernelHistoryTest, AFunctionThatCameBackAndWasRemovedAgain) {
  clone_.commit("one", {{header, "int ring(int a);\n"}});
  clone_.git({"tag", "v6.1"});
  clone_.commit("remove it", {{header, "\n"}});
  clone_.git({"tag", "v6.2"});
  clone_.commit("revert", {{header, "int ring(int a);\n"}});
  clone_.git({"tag", "v6.3"});
  const auto id = clone_.commit("remove it again", {{header, "\n"}});
  clone_.git({"tag", "v6.4-rc1"});
  clone_.git({"tag", "v6.4"});
  clone_.git({"tag", "v6.13"});
  const auto found = find("int ring(int a);");
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->id, id);
  EXPECT_EQ(found->release, "6.4");
}

// A vendor's kernel has a backport that mainline has only in a later release.
TEST_F(KernelHistoryTest, ABackportIsInNoReleaseOfMainline) {
  clone_.commit("one", {{header, "int ring(int a);\n"}});
  clone_.git({"tag", "v6.13"});
  clone_.git({"checkout", "-q", "-b", "vendor"});
  const auto backport = clone_.commit("backport", {{header, "\n"}});
  clone_.git({"tag", "v6.13.2"});
  clone_.git({"checkout", "-q", "master"});
  clone_.commit("upstream", {{header, "\n"}});
  clone_.git({"tag", "v6.14"});
  const auto found = find("int ring(int a);");
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->id, backport);
  EXPECT_EQ(found->release, "");
}

TEST_F(KernelHistoryTest, AFunctionThatMovedAndWasRemovedLater) {
  clone_.commit("one", {{header, "int ring(int a);\n"}});
  clone_.commit("move", {{header, "\n"}, {"include/linux/clock.h", "int ring(int a);\n"}});
  const auto id = clone_.commit("clock: remove ring()", {{"include/linux/clock.h", "\n"}});
  const auto found = find("int ring(int a);");
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->id, id);
}

TEST_F(KernelHistoryTest, AHeaderThatWasRemoved) {
  clone_.commit("one", {{header, "int ring(int a);\n"}});
  const auto id = clone_.commit("ticker: remove the header", {{header, ""}});
  diagnostics::ApiChange api;
  api.subject = {NameKind::header, "linux/ticker.h", "", true, {}};
  const auto found = commit_that_changed(clone_.path(), "6.13", api, nullptr);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->id, id);
}

TEST_F(KernelHistoryTest, WhyNoneIsFound) {
  clone_.commit("one", {{"a.c", "int a;\n"}});
  clone_.commit("two", {{header, "int ring(int a);\n"}});
  clone_.git({"tag", "v6.13"});
  EXPECT_EQ(why(find("int ring(int a);")),
            "v6.13, HEAD have the old form in include/linux/ticker.h: the clone may be older than the change");
  EXPECT_THAT(why(find("int never(int a);")), HasSubstr("has it in that header"));
  diagnostics::ApiChange api;
  api.subject = {NameKind::function, "unknown", "", true, {}};
  EXPECT_EQ(why(commit_that_changed(clone_.path(), "6.13", api, nullptr)),
            "no older headers on this machine declare it");
}

TEST_F(KernelHistoryTest, AShallowCloneIsNamed) {
  clone_.commit("one", {{header, "int ring(int a);\n"}});
  clone_.commit("two", {{header, "\n"}});
  clone_.commit("three", {{"a.c", "int a;\n"}});
  const auto shallow = clone_.path().parent_path() / "shallow";
  clone_.git({"clone", "-q", "--depth", "1", "file://" + clone_.path().string(), shallow.string()});
  const auto declared = diagnostics::declarations_in("int ring(int a);\n");
  diagnostics::ApiChange api;
  api.subject = {NameKind::function, "ring", "", true, {}};
  api.before = diagnostics::HeaderPlace{"6.1", "linux/ticker.h", 1, ""};
  EXPECT_THAT(why(commit_that_changed(shallow, "6.13", api, &declared[0])), HasSubstr("(is it shallow or partial?)"));
}

TEST_F(KernelHistoryTest, AFolderWithoutARepository) {
  const auto checked = check_clone("/nowhere");
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::usage);
  EXPECT_THAT(checked.error().message(), AllOf(HasSubstr("/nowhere"), HasSubstr("--repository DIR")));
  const test::GitClone empty;
  EXPECT_THAT(check_clone(empty.path()).error().why, HasSubstr("no commit"));
}

}  // namespace
}  // namespace vgpukit::authoring
