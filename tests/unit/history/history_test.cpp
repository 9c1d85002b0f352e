#include "history/history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/atomic_file.hpp"
#include "support/process.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::history {
namespace {

using test::TempFolder;
using testing::HasSubstr;

std::string git(const fs::path& folder, std::vector<std::string> words) {
  Command command;
  command.argv = {"git", "-C", folder.string(), "-c", "safe.directory=*", "-c", "user.name=t", "-c", "user.email=t@t"};
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  const auto outcome = run(command);
  EXPECT_TRUE(outcome);
  if (!outcome) return "";
  EXPECT_EQ(outcome->status, 0) << outcome->err;
  return outcome->out;
}

// A package of three files: one is executable, one is a binary object.
struct Package {
  TempFolder temp;
  Package() {
    EXPECT_TRUE(write_file(temp / "src/a.c", "one\ntwo\nthree\n"));
    EXPECT_TRUE(write_file(temp / "src/sub/conftest.sh", "#!/bin/sh\n", 0755));
    EXPECT_TRUE(write_file(temp / "src/nv-kernel.o_binary", std::string(100'000, 'x')));
  }
  transform::SourceTree tree() { return transform::SourceTree::open(temp / "src").value(); }
};

const transform::SourceTree::Edits first = {{"a.c", "one\n2\nthree\n"}};
const transform::SourceTree::Edits second = {{"a.c", "one\n2\nthree\n"}, {"new.h", "fresh\n"}};

Result<History> record(const fs::path& folder, const transform::SourceTree& tree) {
  auto history = History::create(folder, tree, "as it came\n");
  if (!history) return history;
  EXPECT_TRUE(history->commit(first, "6.12-two: two is 2 now\n\nbecause\n"));
  EXPECT_TRUE(history->commit(second, "6.13-new: a new header\n"));
  return history;
}

TEST(History, GitReadsTheRepository) {
  Package package;
  const auto target = package.temp / "out";
  auto tree = package.tree();
  {
    auto history = record(target, tree);
    ASSERT_TRUE(history) << history.error().message();
    ASSERT_TRUE(write_file(target / "a.c", "one\n2\nthree\n"));
    ASSERT_TRUE(write_file(target / "new.h", "fresh\n"));
    ASSERT_TRUE(write_file(target / "sub/conftest.sh", "#!/bin/sh\n", 0755));
    ASSERT_TRUE(write_file(target / "nv-kernel.o_binary", "binary"));
    ASSERT_TRUE(history->finish());
  }
  EXPECT_EQ(git(target, {"log", "--reverse", "--format=%s"}),
            "as it came\n6.12-two: two is 2 now\n6.13-new: a new header\n");
  EXPECT_EQ(git(target, {"status", "--porcelain"}), "") << "the work tree is that of the last commit";
  EXPECT_EQ(git(target, {"fsck", "--strict"}), "");
  EXPECT_EQ(git(target, {"show", "HEAD~2:a.c"}), "one\ntwo\nthree\n");
  EXPECT_THAT(git(target, {"ls-tree", "-r", "HEAD"}), HasSubstr("100755"));
  EXPECT_THAT(git(target, {"ls-tree", "-r", "--name-only", "HEAD"}), testing::Not(HasSubstr("o_binary")));
}

TEST(History, CommitsInMemoryAreTheSame) {
  Package package;
  const auto on_disk = record(package.temp / "out", package.tree());
  const auto in_memory = record({}, package.tree());
  ASSERT_TRUE(in_memory) << in_memory.error().message();
  ASSERT_TRUE(on_disk);
  ASSERT_EQ(in_memory->commits().size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(in_memory->commits()[i].id, on_disk->commits()[i].id);
  const auto diff = in_memory->diff(0, 2);
  ASSERT_TRUE(diff);
  EXPECT_THAT(*diff, HasSubstr("-two\n+2\n"));
  EXPECT_THAT(*diff, HasSubstr("+++ b/new.h\n@@ -0,0 +1 @@\n+fresh\n"));
}

TEST(History, GitAmAppliesTheSeries) {
  Package package;
  const auto history = record({}, package.tree());
  ASSERT_TRUE(history);
  const auto series = history->series();
  ASSERT_TRUE(series);
  ASSERT_EQ(series->size(), 2u);
  EXPECT_EQ((*series)[0].first, "0001-6.12-two-two-is-2-now.patch");
  const auto repo = package.temp / "am";
  ASSERT_TRUE(write_file(repo / "a.c", "one\ntwo\nthree\n"));
  git(repo, {"init", "-q"});
  git(repo, {"add", "a.c"});
  git(repo, {"commit", "-qm", "base"});
  for (const auto& [name, mail] : *series) {
    ASSERT_TRUE(write_file(package.temp / name, mail));
    git(repo, {"am", "-q", (package.temp / name).string()});
  }
  EXPECT_EQ(git(repo, {"show", "HEAD:a.c"}), "one\n2\nthree\n");
  EXPECT_EQ(git(repo, {"show", "HEAD:new.h"}), "fresh\n");
  EXPECT_EQ(git(repo, {"log", "-1", "--format=%s", "HEAD~1"}), "6.12-two: two is 2 now\n");
}

TEST(History, AFolderThatCannotBeWrittenIsAnError) {
  Package package;
  ASSERT_TRUE(write_file(package.temp / "file", "x"));
  const auto history = History::create(package.temp / "file/below", package.tree(), "m");
  ASSERT_FALSE(history);
  EXPECT_EQ(history.error().kind, ErrorKind::missing);
}

}  // namespace
}  // namespace vgpukit::history
