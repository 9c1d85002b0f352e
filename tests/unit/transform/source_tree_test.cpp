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
  put("a.c", "changed by another program");
  EXPECT_EQ(*tree->read("a.c"), "disk");
  tree->write("a.c", "edited");
  EXPECT_EQ(*tree->read("a.c"), "edited");
  EXPECT_EQ(*tree->original("a.c"), "disk");
  std::ifstream file(path / "a.c");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "changed by another program");
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

  tree.write("a.c", "a");  // the text on disk is not an edit
  tree.remove("new.c");    // a file that was never on disk leaves no edit
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
