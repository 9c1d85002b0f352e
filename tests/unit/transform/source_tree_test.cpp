#include "transform/source_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace vgpukit::transform {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Glob, Matches) {
  EXPECT_TRUE(glob_matches("nvidia/*.c", "nvidia/nv.c"));
  EXPECT_FALSE(glob_matches("nvidia/*.c", "nvidia/deep/nv.c"));
  EXPECT_FALSE(glob_matches("*.c", "nvidia/nv.c"));
  EXPECT_TRUE(glob_matches("**/*.c", "nv.c"));
  EXPECT_TRUE(glob_matches("**/*.c", "a/b/nv.c"));
  EXPECT_TRUE(glob_matches("a/**/nv.c", "a/nv.c"));
  EXPECT_TRUE(glob_matches("a/**/nv.c", "a/b/c/nv.c"));
  EXPECT_FALSE(glob_matches("a/**/nv.c", "ab/nv.c"));
  EXPECT_FALSE(glob_matches("**/nv.c", "a/xnv.c"));
  EXPECT_TRUE(glob_matches("nvidia/**", "nvidia/a/b"));
  EXPECT_TRUE(glob_matches("nv?.c", "nv1.c"));
  EXPECT_FALSE(glob_matches("nv?c", "nv/c"));
  EXPECT_FALSE(glob_matches("nv?.c", "nv.c"));
  EXPECT_TRUE(glob_matches("nvidia/{nv,os-mlock}.{c,h}", "nvidia/os-mlock.h"));
  EXPECT_FALSE(glob_matches("nvidia/{nv,os-mlock}.{c,h}", "nvidia/os.c"));
  EXPECT_TRUE(glob_matches("{,**/}Kbuild", "Kbuild"));
  EXPECT_TRUE(glob_matches("{a{b,c},d}", "ac"));
  EXPECT_TRUE(glob_matches("a{b", "a{b"));
  EXPECT_TRUE(glob_matches("./Kbuild", "Kbuild"));
  EXPECT_TRUE(glob_matches("Kbuild", "Kbuild"));
  EXPECT_FALSE(glob_matches("", "Kbuild"));
  EXPECT_TRUE(glob_matches("a.c", "a.c"));
  EXPECT_FALSE(glob_matches("a.c", "abc"));
}

TEST(Glob, HasNoSlowPatterns) {
  std::string pattern, path(200, 'a');
  for (int i = 0; i < 60; ++i) pattern += "*a";
  EXPECT_FALSE(glob_matches(pattern + "b", path));
  std::string many;
  for (int i = 0; i < 40; ++i) many += "{a,b}";
  EXPECT_FALSE(glob_matches(many, "c"));
}

class Folder : public testing::Test {
 protected:
  Folder() : path(fs::temp_directory_path() / ("vgpukit-tree-" + std::to_string(::getpid()))) { fs::remove_all(path); }
  ~Folder() override { fs::remove_all(path); }
  void put(const std::string& name, const std::string& text = "x") const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name, std::ios::binary) << text;
  }
  fs::path path;
};

TEST_F(Folder, ListsSourcesOnly) {
  for (const char* name :
       {"Kbuild", "conftest.sh", ".manifest", "nvidia/nv.c", "common/inc/conftest.h", "nvidia/nvidia.Kbuild"})
    put(name);
  for (const char* name :
       {"nvidia/nv.o", "nvidia.ko", "nvidia.mod", "nvidia.mod.c", "nvidia/.nv.o.cmd", "Module.symvers", "modules.order",
        "conftest/headers.h", "conftest4321.c", "conftest4321", "nv_compiler.h", "nvidia/nv-kernel.o_binary",
        ".git/config", "nvidia/.tmp_nv.o", ".gitignore"})
    put(name);
  fs::create_symlink(path / "Kbuild", path / "Makefile");
  fs::create_directory_symlink(path / "nvidia", path / "link");
  const auto tree = SourceTree::open(path);
  ASSERT_TRUE(tree) << tree.error().message();
  EXPECT_THAT(tree->files(), ElementsAre(".manifest", "Kbuild", "common/inc/conftest.h", "conftest.sh", "nvidia/nv.c",
                                         "nvidia/nvidia.Kbuild"));
}

TEST_F(Folder, ReadsOnceAndKeepsTheDiskAsItIs) {
  put("a.c", "disk");
  auto tree = SourceTree::open(path);
  ASSERT_TRUE(tree);
  EXPECT_EQ(*tree->read("a.c"), "disk");
  put("a.c", "changed behind our back");
  EXPECT_EQ(*tree->read("a.c"), "disk");
  tree->write("a.c", "edited");
  EXPECT_EQ(*tree->read("a.c"), "edited");
  EXPECT_EQ(*tree->original("a.c"), "disk");
  std::ifstream file(path / "a.c");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "changed behind our back");
}

TEST(SourceTree, SaysWhichFolderCannotBeRead) {
  const auto tree = SourceTree::open("/nowhere/at/all");
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().kind, ErrorKind::usage);
  EXPECT_THAT(tree.error().message(), HasSubstr("/nowhere/at/all"));
}

TEST(SourceTree, EditsAreADifference) {
  SourceTree tree = SourceTree::of({{"a.c", "a"}, {"b.c", "b"}});
  tree.write("new.c", "n");
  tree.write("a.c", "A");
  tree.remove("b.c");
  EXPECT_THAT(tree.files(), ElementsAre("a.c", "new.c"));
  EXPECT_FALSE(tree.has("b.c"));
  EXPECT_TRUE(tree.has("new.c"));
  ASSERT_EQ(tree.edits().size(), 3U);
  EXPECT_EQ(tree.edits().find("b.c")->second, std::nullopt);
  const auto gone = tree.read("b.c");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::usage);
  EXPECT_THAT(gone.error().message(), HasSubstr("b.c"));
  EXPECT_FALSE(tree.original("new.c"));

  tree.write("a.c", "a");  // what is on the disk is no edit
  tree.remove("new.c");    // what was never there leaves nothing
  tree.write("b.c", "b");
  EXPECT_TRUE(tree.edits().empty());
  tree.remove("nothing.c");
  EXPECT_TRUE(tree.edits().empty());
}

TEST(SourceTree, GoesBackToASnapshot) {
  SourceTree tree = SourceTree::of({{"a.c", "a"}});
  tree.write("a.c", "first");
  const auto snapshot = tree.snapshot();
  tree.write("a.c", "second");
  tree.write("b.c", "new");
  tree.restore(snapshot);
  EXPECT_EQ(*tree.read("a.c"), "first");
  EXPECT_THAT(tree.files(), ElementsAre("a.c"));
}

TEST(SourceTree, Matching) {
  SourceTree tree = SourceTree::of({{"Kbuild", ""}, {"nvidia/b.c", ""}, {"nvidia/a.c", ""}});
  tree.write("nvidia/c.c", "");
  EXPECT_THAT(tree.matching("nvidia/*.c"), ElementsAre("nvidia/a.c", "nvidia/b.c", "nvidia/c.c"));
  EXPECT_TRUE(tree.matching("*.h").empty());
}

}  // namespace
}  // namespace vgpukit::transform
