#include "build/work_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/atomic_file.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::build {
namespace {

class WorkTreeTest : public testing::Test {
 protected:
  WorkTreeTest() {
    write("sources/a.c", "int a;\n");
    write("sources/b.c", "int b;\n");
    write("sources/Kbuild", "obj-m += a.o\n");
    write("sources/core.o_binary", "BINARY");
    driver_.sources = temp_.path() / "sources";
    driver_.binary_objects = {"core.o_binary"};
  }

  void write(const std::string& path, const std::string& text) { ASSERT_TRUE(write_file(temp_.path() / path, text)); }
  [[nodiscard]] std::string text(const std::string& path) const {
    const auto found = read_file(temp_.path() / path);
    return found ? *found : "(absent)";
  }
  [[nodiscard]] transform::SourceTree tree(const std::map<std::string, std::string>& edits = {}) const {
    auto made = transform::SourceTree::open(driver_.sources);
    for (const auto& [path, edit] : edits) made->write(path, edit);
    return std::move(*made);
  }
  Result<WorkTree> make(const transform::SourceTree& tree, const std::string& key = "key",
                        const std::string& name = "work") {
    return WorkTree::make(temp_.path() / "trees" / name, key, driver_, tree);
  }
  // A build that keeps its objects.
  void build(const transform::SourceTree& tree, const std::string& key = "key", const std::string& name = "work") {
    auto work = make(tree, key, name);
    ASSERT_TRUE(work) << work.error().message();
    write("trees/" + name + "/a.o", "object");
    std::filesystem::last_write_time(temp_.path() / "trees" / name / "a.o",
                                     std::filesystem::file_time_type::clock::now());
    work->keep(temp_.path() / "locks");
  }
  [[nodiscard]] bool newer(const std::string& a, const std::string& b) const {
    return std::filesystem::last_write_time(temp_.path() / a) > std::filesystem::last_write_time(temp_.path() / b);
  }

  test::TempFolder temp_;
  driver::Driver driver_;
};

TEST_F(WorkTreeTest, AFirstBuildHasAllFiles) {
  const auto work = make(tree({{"a.c", "int changed;\n"}}));
  ASSERT_TRUE(work) << work.error().message();
  EXPECT_FALSE(work->has_objects());
  EXPECT_EQ(text("trees/work/a.c"), "int changed;\n");
  EXPECT_EQ(text("trees/work/b.c"), "int b;\n");
  EXPECT_EQ(text("trees/work/core.o_binary"), "BINARY");
}

TEST_F(WorkTreeTest, WithoutKeepNothingStays) {
  { const auto work = make(tree()); }
  EXPECT_FALSE(std::filesystem::exists(temp_.path() / "trees/work"));
}

TEST_F(WorkTreeTest, OnlyWhatChangedIsWrittenAgain) {
  build(tree({{"b.c", "int other;\n"}}));
  const auto work = make(tree({{"a.c", "int changed;\n"}}));
  ASSERT_TRUE(work);
  EXPECT_TRUE(work->has_objects());
  EXPECT_EQ(text("trees/work/a.o"), "object");
  EXPECT_EQ(text("trees/work/a.c"), "int changed;\n");
  EXPECT_EQ(text("trees/work/b.c"), "int b;\n") << "its edit is gone: it is the driver's own again";
  EXPECT_TRUE(newer("trees/work/a.c", "trees/work/a.o"));
  EXPECT_TRUE(newer("trees/work/b.c", "trees/work/a.o")) << "else make would keep the object of the other text";
  EXPECT_TRUE(newer("trees/work/a.o", "trees/work/Kbuild"));
}

TEST_F(WorkTreeTest, TheSameAgainTouchesNothing) {
  build(tree({{"b.c", "int other;\n"}}));
  const auto work = make(tree({{"b.c", "int other;\n"}}));
  ASSERT_TRUE(work);
  EXPECT_TRUE(work->has_objects());
  EXPECT_FALSE(newer("trees/work/b.c", "trees/work/a.o"));
}

TEST_F(WorkTreeTest, AnotherKeyDiscardsAllObjects) {
  build(tree());
  const auto work = make(tree(), "another key");
  ASSERT_TRUE(work);
  EXPECT_FALSE(work->has_objects());
  EXPECT_EQ(text("trees/work/a.o"), "(absent)");
}

TEST_F(WorkTreeTest, AChangedMakefileDiscardsAllObjects) {
  build(tree());
  const auto work = make(tree({{"Kbuild", "obj-m += b.o\n"}}));
  ASSERT_TRUE(work);
  EXPECT_FALSE(work->has_objects());
  EXPECT_EQ(text("trees/work/a.o"), "(absent)");
  EXPECT_EQ(text("trees/work/Kbuild"), "obj-m += b.o\n");
}

TEST_F(WorkTreeTest, AFileThatARecipeAddedGoesWithIt) {
  build(tree({{"compat.h", "#define X\n"}}));
  const auto work = make(tree());
  ASSERT_TRUE(work);
  EXPECT_TRUE(work->has_objects());
  EXPECT_EQ(text("trees/work/compat.h"), "(absent)");
}

TEST_F(WorkTreeTest, TheObjectsOfAKilledBuildAreNotUsed) {
  build(tree());
  {
    auto killed = make(tree({{"a.c", "int changed;\n"}}));
    ASSERT_TRUE(killed);
    ASSERT_TRUE(killed->has_objects());
    // As after kill -9: the folder without its record.
    std::filesystem::copy(temp_.path() / "trees/work", temp_.path() / "left", std::filesystem::copy_options::recursive);
  }
  std::filesystem::rename(temp_.path() / "left", temp_.path() / "trees/work");
  const auto work = make(tree());
  ASSERT_TRUE(work);
  EXPECT_FALSE(work->has_objects());
  EXPECT_EQ(text("trees/work/a.o"), "(absent)");
}

TEST_F(WorkTreeTest, ADamagedRecordIsIgnored) {
  build(tree());
  for (const char* record : {"", "{", "[]", "{\"key\": 1, \"edits\": {}}", "{\"key\": \"key\"}"}) {
    write("trees/work/.vgpukit-objects", record);
    auto work = make(tree());
    ASSERT_TRUE(work);
    EXPECT_FALSE(work->has_objects()) << record;
    work->keep(temp_.path() / "locks");
  }
}

TEST_F(WorkTreeTest, AFolderThatOtherUsersCanWriteToIsNotUsed) {
  build(tree());
  std::filesystem::permissions(temp_.path() / "trees/work", std::filesystem::perms::all);
  {
    const auto work = make(tree());
    ASSERT_TRUE(work);
    EXPECT_FALSE(work->has_objects());
  }
  build(tree());
  std::filesystem::rename(temp_.path() / "trees/work", temp_.path() / "elsewhere");
  std::filesystem::create_directory_symlink(temp_.path() / "elsewhere", temp_.path() / "trees/work");
  const auto work = make(tree());
  ASSERT_TRUE(work);
  EXPECT_FALSE(work->has_objects());
  EXPECT_EQ(text("elsewhere/a.o"), "object") << "the link was followed";
}

TEST_F(WorkTreeTest, OnlyOneTreeStays) {
  build(tree(), "key", "first");
  build(tree(), "key", "second");
  EXPECT_FALSE(std::filesystem::exists(temp_.path() / "trees/first"));
  EXPECT_TRUE(std::filesystem::exists(temp_.path() / "trees/second/a.o"));
}

TEST_F(WorkTreeTest, ATreeThatABuildUsesIsNotRemoved) {
  build(tree(), "key", "first");
  const auto lock = FileLock::try_acquire(temp_.path() / "locks/first.lock");
  ASSERT_TRUE(lock && lock->held());
  build(tree(), "key", "second");
  EXPECT_TRUE(std::filesystem::exists(temp_.path() / "trees/first/a.o"));
}

// The makefiles of the driver have replaced a folder of the tree with a link.
TEST_F(WorkTreeTest, ALinkOfTheEarlierBuildIsNotFollowed) {
  write("sources/sub/c.c", "int c;\n");
  write("outside/c.c", "mine");
  build(tree());
  std::filesystem::remove_all(temp_.path() / "trees/work/sub");
  std::filesystem::create_directory_symlink(temp_.path() / "outside", temp_.path() / "trees/work/sub");
  const auto work = make(tree({{"sub/c.c", "int changed;\n"}}));
  ASSERT_TRUE(work) << work.error().message();
  EXPECT_EQ(text("outside/c.c"), "mine");
  EXPECT_EQ(text("trees/work/sub/c.c"), "int changed;\n");
}

// The owner of the package has put a link there since the package was looked at.
TEST_F(WorkTreeTest, ABinaryObjectThatIsALinkOutOfThePackageIsRefused) {
  write("secret", "password");
  std::filesystem::remove(temp_.path() / "sources/core.o_binary");
  std::filesystem::create_symlink(temp_.path() / "secret", temp_.path() / "sources/core.o_binary");
  const auto work = make(tree());
  ASSERT_FALSE(work);
  EXPECT_THAT(work.error().message(), testing::HasSubstr("it is a link that leaves"));
  EXPECT_EQ(text("trees/work/core.o_binary"), "(absent)");
}

}  // namespace
}  // namespace vgpukit::build
