#include "install/transaction.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <map>

#include "support/killed_at.hpp"

namespace vgpukit::install {
namespace {

// A little root with a driver in it, and what changes it as dkms would: in place, by rename, by removal.
class TransactionTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/vgpukit-transaction-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    fs::create_directories(folder_ / "root/var/lib");
    host_.root = folder_ / "root";
    host_.state = folder_ / "unused";
    put("/usr/src/nvidia-1/nv.c", "one");
    put("/usr/src/nvidia-1/deep/er.c", "deep");
    put("/lib/modules/6.1/updates/dkms/nvidia.ko", "module one");
    put("/lib/modules/6.1/modules.dep", "dep one");
    fs::create_symlink("nvidia-1", host_.in_root("/usr/src/nvidia"));
  }
  void TearDown() override { fs::remove_all(folder_); }

  void put(const fs::path& path, const std::string& text) { ASSERT_TRUE(write_file(host_.in_root(path), text)); }

  // Every path of the root with what it holds, but for vgpukit's own.
  std::map<std::string, std::string> all() const {
    std::map<std::string, std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(host_.root)) {
      const auto path = host_.inside(entry.path()).string();
      if (path.starts_with("/var/lib/vgpukit")) continue;
      if (entry.is_symlink())
        found[path] = "-> " + fs::read_symlink(entry.path()).string();
      else
        found[path] = entry.is_directory() ? "folder" : *read_file(entry.path());
    }
    return found;
  }

  const std::vector<std::string> paths_ = {"/usr/src/nvidia-1",
                                           "/usr/src/nvidia-2",
                                           "/usr/src/nvidia",
                                           "/lib/modules/6.1/updates/dkms/nvidia.ko",
                                           "/lib/modules/6.1/modules.dep",
                                           "/lib/modules/6.12/updates/dkms/nvidia.ko"};

  void change(const Transaction& transaction) {
    transaction.step("remove the old");
    fs::remove_all(host_.in_root("/usr/src/nvidia-1"));
    transaction.step("write in place");
    put("/lib/modules/6.1/updates/dkms/nvidia.ko", "module two");
    put("/lib/modules/6.12/updates/dkms/nvidia.ko", "module two");
    transaction.step("more");
    put("/usr/src/nvidia-2/nv.c", "two");
    fs::remove(host_.in_root("/usr/src/nvidia"));
    put("/lib/modules/6.1/modules.dep", "dep two");
  }

  Status install(const OnStep& at) {
    TRY_ASSIGN(auto transaction, Transaction::begin(host_, "install 2", paths_, at));
    change(transaction);
    return transaction.commit({{"version", "2"}});
  }

  fs::path folder_;
  HostPaths host_;
};

TEST_F(TransactionTest, CommitKeepsTheWayBack) {
  const auto before = all();
  ASSERT_TRUE(install({}));
  EXPECT_EQ(installed_record(host_)->at("version"), "2");
  EXPECT_FALSE(unfinished_work(host_));
  const auto kept = previous_state(host_);
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->size(), 1U);
  ASSERT_TRUE(kept->front().restore());
  EXPECT_EQ(all(), before);
}

TEST_F(TransactionTest, AnErrorOnTheWayPutsEverythingBack) {
  const auto before = all();
  {
    auto transaction = Transaction::begin(host_, "install 2", paths_);
    ASSERT_TRUE(transaction);
    change(*transaction);
    EXPECT_NE(all(), before);
    EXPECT_EQ(unfinished_work(host_), "install 2");
  }
  EXPECT_EQ(all(), before);
  EXPECT_FALSE(fs::exists(host_.in_root("/var/lib/vgpukit"))) << "nothing of ours is left where nothing is installed";
}

TEST_F(TransactionTest, KilledAtAnyStepTheOldStateIsBackOrTheNewOneIsWhole) {
  const auto before = all();
  std::map<std::string, std::string> after;
  ASSERT_TRUE(install({}));
  after = all();
  int undone = 0;
  int finished = 0;
  for (int at = 0;; ++at) {
    TearDown();
    SetUp();
    if (!test::killed_at(at, [&](const OnStep& step) { return static_cast<bool>(install(step)); })) break;
    ASSERT_LT(at, 100);
    const auto said = recover(host_);
    ASSERT_TRUE(said) << said.error().message();
    const bool installed = installed_record(host_).has_value();
    (installed ? finished : undone) += 1;
    EXPECT_EQ(all(), installed ? after : before) << "killed at step " << at;
    EXPECT_FALSE(unfinished_work(host_));
    EXPECT_FALSE(fs::exists(host_.in_root("/var/lib/vgpukit/install/working")));
  }
  EXPECT_GE(undone, 9) << "six copies, the journal, and steps of the work";
  EXPECT_GE(finished, 3);
}

TEST_F(TransactionTest, ARecoveryThatIsKilledCanBeDoneAgain) {
  const auto before = all();
  for (int at = 0;; ++at) {
    TearDown();
    SetUp();
    // Killed in the middle of the work, at "more".
    ASSERT_TRUE(test::killed_at(10, [&](const OnStep& step) { return static_cast<bool>(install(step)); }));
    ASSERT_NE(all(), before);
    const bool killed =
        test::killed_at(at, [&](const OnStep& step) { return static_cast<bool>(recover(host_, step)); });
    ASSERT_TRUE(recover(host_));
    EXPECT_EQ(all(), before) << "recovery killed at step " << at;
    if (!killed) break;
    ASSERT_LT(at, 100);
  }
}

// As where a full disk leaves no room for copies; full_disk_test.cpp has the full disk.
TEST_F(TransactionTest, CopiesThatAreMovedBackCanBeKilledAtAnyStep) {
  const auto before = all();
  int killed = 0;
  for (int at = 0;; ++at) {
    TearDown();
    SetUp();
    ASSERT_TRUE(test::killed_at(10, [&](const OnStep& step) { return static_cast<bool>(install(step)); }));
    ASSERT_NE(all(), before);
    const auto move = [&](const OnStep& step) {
      const auto kept = Snapshot::open(host_, host_.in_root("/var/lib/vgpukit/install/working/kept-0"));
      return kept && kept->move_back(step);
    };
    const bool was_killed = test::killed_at(at, move);
    ASSERT_TRUE(recover(host_));
    EXPECT_EQ(all(), before) << "killed at step " << at;
    EXPECT_FALSE(unfinished_work(host_));
    if (!was_killed) break;
    ++killed;
    ASSERT_LT(at, 100);
  }
  EXPECT_EQ(killed, 6) << "one for each path";
}

TEST_F(TransactionTest, TheNextTransactionEndsWhatACrashHasLeft) {
  ASSERT_TRUE(test::killed_at(10, [&](const OnStep& step) { return static_cast<bool>(install(step)); }));
  EXPECT_EQ(unfinished_work(host_), "install 2");
  const auto next = Transaction::begin(host_, "uninstall", {"/usr/src/nvidia-1"});
  ASSERT_TRUE(next);
  EXPECT_EQ(*read_file(host_.in_root("/usr/src/nvidia-1/nv.c")), "one");
}

TEST_F(TransactionTest, WhatIsKeptIsNoLinkToTheOriginal) {
  const auto kept = Snapshot::keep(host_, {"/usr/src/nvidia-1"}, folder_ / "kept");
  ASSERT_TRUE(kept);
  EXPECT_EQ(fs::hard_link_count(host_.in_root("/usr/src/nvidia-1/nv.c")), 1U);
  EXPECT_EQ(*read_file(kept->copy_of("/usr/src/nvidia-1") / "nv.c"), "one");
}

TEST_F(TransactionTest, FoldersThatWereMadeOnTheWayGoAwayAgain) {
  const auto kept = Snapshot::keep(host_, {"/lib/modules/6.12/updates/dkms/nvidia.ko"}, folder_ / "kept");
  ASSERT_TRUE(kept);
  put("/lib/modules/6.12/updates/dkms/nvidia.ko", "new");
  ASSERT_TRUE(kept->restore());
  EXPECT_FALSE(fs::exists(host_.in_root("/lib/modules/6.12")));
  put("/lib/modules/6.12/updates/dkms/nvidia.ko", "new");
  put("/lib/modules/6.12/updates/dkms/zfs.ko", "somebody else's");
  ASSERT_TRUE(kept->restore());
  EXPECT_EQ(*read_file(host_.in_root("/lib/modules/6.12/updates/dkms/zfs.ko")), "somebody else's");
}

TEST_F(TransactionTest, ADamagedListOfCopiesIsNotBelieved) {
  for (const auto* text : {"", "[]x", "[{\"path\": 5}]", "[{\"path\": \"/\", \"there\": false, \"above\": \"\"}]",
                           "[{\"path\": \"/usr/../etc\", \"there\": false, \"above\": \"/\"}]",
                           "[{\"path\": \"etc\", \"there\": true, \"above\": \"\"}]"}) {
    ASSERT_TRUE(write_file(folder_ / "kept/snapshot.json", text));
    EXPECT_FALSE(Snapshot::open(host_, folder_ / "kept")) << text;
  }
}

TEST_F(TransactionTest, ADamagedJournalIsSaidAndNothingIsTouched) {
  const auto before = all();
  put("/var/lib/vgpukit/install/journal.json", "{\"what\": ");
  const auto said = recover(host_);
  ASSERT_FALSE(said);
  EXPECT_NE(said.error().message().find("journal.json is damaged"), std::string::npos);
  EXPECT_EQ(all(), before);
}

TEST_F(TransactionTest, AfterRemovalNothingOfOursIsLeft) {
  ASSERT_TRUE(install({}));
  auto transaction = Transaction::begin(host_, "uninstall", paths_);
  ASSERT_TRUE(transaction);
  ASSERT_TRUE(transaction->commit_removed());
  EXPECT_FALSE(installed_record(host_));
  EXPECT_FALSE(fs::exists(host_.in_root("/var/lib/vgpukit")));
}

}  // namespace
}  // namespace vgpukit::install
