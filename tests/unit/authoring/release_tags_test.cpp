#include "authoring/release_tags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "authoring/git_clone.hpp"
#include "authoring/kernel_commit.hpp"

namespace vgpukit::authoring {
namespace {

class ReleaseTagsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!find_program("git")) GTEST_SKIP() << "there is no git";
  }
  // `count` commits, of which the last one gets the tag.
  void release(const std::string& tag, int count = 1) {
    for (int i = 0; i < count; ++i) clone_.commit("of " + tag, {});
    clone_.git({"tag", tag});
  }
  std::string of(const std::string& revision) {
    const auto commit = commit_of_repository(clone_.path(), revision);
    return commit ? commit->release : commit.error().message();
  }
  test::GitClone clone_;
};

TEST_F(ReleaseTagsTest, TheFirstReleaseWithACommit) {
  release("v6.9");
  for (const auto* tag : {"v6.10-rc1", "v6.10-rc2", "v6.10-rc10", "v6.10", "v6.11-rc1", "v6.11", "v6.11.1"})
    release(tag, 2);
  clone_.commit("of the next release", {});
  EXPECT_EQ(of("v6.9"), "6.9");
  EXPECT_EQ(of("v6.10-rc10~1"), "6.10");
  EXPECT_EQ(of("v6.10"), "6.10");
  EXPECT_EQ(of("v6.11-rc1~1"), "6.11");
  EXPECT_EQ(of("v6.11.1"), "") << "only in a stable release";
  EXPECT_EQ(of("HEAD"), "");

  const auto id = clone_.git({"rev-parse", "v6.10-rc2~1"}).substr(0, 40);
  const auto known = commit_of_repository(clone_.path(), id, "7.0");
  ASSERT_TRUE(known) << known.error().message();
  EXPECT_EQ(known->release, "7.0");
}

// A commit that was years in a side branch is in none of the tags of its time.
TEST_F(ReleaseTagsTest, ACommitThatWasMergedLate) {
  release("v6.1");
  clone_.git({"checkout", "-q", "-b", "side"});
  const auto id = clone_.commit("early", {{"a.c", "int a;\n"}});
  clone_.git({"checkout", "-q", "master"});
  for (int i = 2; i < 15; ++i) release("v6." + std::to_string(i));
  clone_.git({"merge", "-q", "--no-edit", "side"});
  release("v6.15");
  release("v6.16");
  EXPECT_EQ(of(id), "6.15");
}

}  // namespace
}  // namespace vgpukit::authoring
