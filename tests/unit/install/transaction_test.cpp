#include "install/transaction.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <map>

#include "support/killed_at.hpp"
#include "support/state_of_0_1_0.hpp"

namespace vgpukit::install {
namespace {

// A small root with a driver, and a change() that does what dkms does: it writes in place, renames and removes.
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

  // Every path of the root with its content, without the state of vgpukit.
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

  void change(const JournaledChange& transaction) {
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
    TRY_ASSIGN(auto transaction, JournaledChange::begin(install_rules(host_), "install 2", paths_, at));
    change(transaction);
    return transaction.commit({{"version", "2"}});
  }

  fs::path folder_;
  HostPaths host_;
};

TEST_F(TransactionTest, CommitKeepsTheSnapshotsForRollback) {
  const auto before = all();
  ASSERT_TRUE(install({}));
  EXPECT_EQ(installed_record(host_)->at("version"), "2");
  EXPECT_FALSE(unfinished_change(install_rules(host_)));
  const auto snapshots = previous_state(host_);
  ASSERT_TRUE(snapshots);
  ASSERT_EQ(snapshots->size(), 1U);
  ASSERT_TRUE(snapshots->front().restore());
  EXPECT_EQ(all(), before);
}

TEST_F(TransactionTest, AnEarlyReturnRestoresEverything) {
  const auto before = all();
  {
    auto transaction = JournaledChange::begin(install_rules(host_), "install 2", paths_);
    ASSERT_TRUE(transaction);
    change(*transaction);
    EXPECT_NE(all(), before);
    EXPECT_EQ(unfinished_change(install_rules(host_)), "install 2");
  }
  EXPECT_EQ(all(), before);
  EXPECT_EQ(entries_of(host_.in_root("/var/lib/vgpukit/install")),
            std::vector{host_.in_root("/var/lib/vgpukit/install/lock")})
      << "no driver is installed, so no state is left";
}

TEST_F(TransactionTest, WhatAnInterrupted010LeftIsUndone) {
  const auto before = all();
  ASSERT_TRUE(test::killed_at(0, [&](const OnStep& kill) {
    return static_cast<bool>(install([&](std::string_view step) {
      if (step == "more") kill(step);
    }));
  }));
  EXPECT_NE(all(), before);
  test::name_as_0_1_0(host_.in_root("/var/lib/vgpukit/install"));
  const auto recovered = recover_change(install_rules(host_));
  ASSERT_TRUE(recovered) << recovered.error().message();
  EXPECT_EQ(*recovered, "an earlier \"install 2\" was interrupted; what was there before is back");
  EXPECT_EQ(all(), before);
  EXPECT_FALSE(fs::exists(host_.in_root("/var/lib/vgpukit/install/working")));
}

TEST_F(TransactionTest, KilledAtAnyStepTheStateIsTheOldOrTheNewOne) {
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
    const auto recovered = recover_change(install_rules(host_));
    ASSERT_TRUE(recovered) << recovered.error().message();
    const bool installed = installed_record(host_).has_value();
    (installed ? finished : undone) += 1;
    EXPECT_EQ(all(), installed ? after : before) << "killed at step " << at;
    EXPECT_FALSE(unfinished_change(install_rules(host_)));
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
    const bool killed = test::killed_at(
        at, [&](const OnStep& step) { return static_cast<bool>(recover_change(install_rules(host_), step)); });
    ASSERT_TRUE(recover_change(install_rules(host_)));
    EXPECT_EQ(all(), before) << "recovery killed at step " << at;
    if (!killed) break;
    ASSERT_LT(at, 100);
  }
}

// This is done when the disk is full; transaction_full_disk_test.cpp fills it.
TEST_F(TransactionTest, CopiesThatAreMovedBackCanBeKilledAtAnyStep) {
  const auto before = all();
  int killed = 0;
  for (int at = 0;; ++at) {
    TearDown();
    SetUp();
    ASSERT_TRUE(test::killed_at(10, [&](const OnStep& step) { return static_cast<bool>(install(step)); }));
    ASSERT_NE(all(), before);
    const auto move = [&](const OnStep& step) {
      const auto snapshot = Snapshot::open(host_, host_.in_root("/var/lib/vgpukit/install/working/snapshot-0"));
      return snapshot && snapshot->move_back(step);
    };
    const bool was_killed = test::killed_at(at, move);
    ASSERT_TRUE(recover_change(install_rules(host_)));
    EXPECT_EQ(all(), before) << "killed at step " << at;
    EXPECT_FALSE(unfinished_change(install_rules(host_)));
    if (!was_killed) break;
    ++killed;
    ASSERT_LT(at, 100);
  }
  EXPECT_EQ(killed, 6) << "one for each path";
}

TEST_F(TransactionTest, TheNextTransactionUndoesAnInterruptedOne) {
  ASSERT_TRUE(test::killed_at(10, [&](const OnStep& step) { return static_cast<bool>(install(step)); }));
  EXPECT_EQ(unfinished_change(install_rules(host_)), "install 2");
  const auto next = JournaledChange::begin(install_rules(host_), "uninstall", {"/usr/src/nvidia-1"});
  ASSERT_TRUE(next);
  EXPECT_EQ(*read_file(host_.in_root("/usr/src/nvidia-1/nv.c")), "one");
}

TEST_F(TransactionTest, ASnapshotHasNoHardLinks) {
  const auto snapshot = Snapshot::keep(host_, {"/usr/src/nvidia-1"}, folder_ / "snapshot");
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(fs::hard_link_count(host_.in_root("/usr/src/nvidia-1/nv.c")), 1U);
  EXPECT_EQ(*read_file(snapshot->copy_of("/usr/src/nvidia-1") / "nv.c"), "one");
}

TEST_F(TransactionTest, NewEmptyFoldersAreRemovedAgain) {
  const auto snapshot = Snapshot::keep(host_, {"/lib/modules/6.12/updates/dkms/nvidia.ko"}, folder_ / "snapshot");
  ASSERT_TRUE(snapshot);
  put("/lib/modules/6.12/updates/dkms/nvidia.ko", "new");
  ASSERT_TRUE(snapshot->restore());
  EXPECT_FALSE(fs::exists(host_.in_root("/lib/modules/6.12")));
  put("/lib/modules/6.12/updates/dkms/nvidia.ko", "new");
  put("/lib/modules/6.12/updates/dkms/zfs.ko", "another package's");
  ASSERT_TRUE(snapshot->restore());
  EXPECT_EQ(*read_file(host_.in_root("/lib/modules/6.12/updates/dkms/zfs.ko")), "another package's");
}

TEST_F(TransactionTest, ADamagedSnapshotIsRefused) {
  for (const auto* text : {"", "[]x", "[{\"path\": 5}]", "[{\"path\": \"/\", \"there\": false, \"above\": \"\"}]",
                           "[{\"path\": \"/usr/../etc\", \"there\": false, \"above\": \"/\"}]",
                           "[{\"path\": \"etc\", \"there\": true, \"above\": \"\"}]"}) {
    ASSERT_TRUE(write_file(folder_ / "snapshot/snapshot.json", text));
    EXPECT_FALSE(Snapshot::open(host_, folder_ / "snapshot")) << text;
  }
}

TEST_F(TransactionTest, ADamagedJournalIsReportedAndNothingIsChanged) {
  const auto before = all();
  put("/var/lib/vgpukit/install/journal.json", "{\"what\": ");
  const auto recovered = recover_change(install_rules(host_));
  ASSERT_FALSE(recovered);
  EXPECT_NE(recovered.error().message().find("journal.json is damaged"), std::string::npos);
  EXPECT_EQ(all(), before);
}

// As the journal of a version that named its snapshots differently: they must not be removed.
TEST_F(TransactionTest, AJournalWithoutSnapshotsIsReportedAndNothingIsChanged) {
  put("/var/lib/vgpukit/install/journal.json", R"({"what": "install 2", "phase": "changing"})");
  put("/var/lib/vgpukit/install/working/copy-0/tree/etc/x", "a copy");
  const auto recovered = recover_change(install_rules(host_));
  ASSERT_FALSE(recovered);
  EXPECT_NE(recovered.error().message().find("the copies of what was there before are in"), std::string::npos);
  EXPECT_TRUE(fs::exists(host_.in_root("/var/lib/vgpukit/install/working/copy-0/tree/etc/x")));
}

TEST_F(TransactionTest, AfterRemovalOnlyTheLockIsLeft) {
  ASSERT_TRUE(install({}));
  auto transaction = JournaledChange::begin(install_rules(host_), "uninstall", paths_);
  ASSERT_TRUE(transaction);
  ASSERT_TRUE(transaction->commit(nullptr));
  EXPECT_FALSE(installed_record(host_));
  EXPECT_EQ(entries_of(host_.in_root("/var/lib/vgpukit/install")),
            std::vector{host_.in_root("/var/lib/vgpukit/install/lock")});
}

}  // namespace
}  // namespace vgpukit::install
