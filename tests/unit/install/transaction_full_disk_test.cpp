// A disk that is full from any step of install, upgrade, rollback and uninstall on, filled by the command itself or by
// another program: the command fails and restores the previous state at once, or it succeeds.
#include <gmock/gmock.h>

#include <algorithm>

#include "install/install_root.hpp"
#include "support/small_file_system.hpp"

namespace vgpukit::install {
namespace {

class FullDiskTest : public test::InstallRoot {
 protected:
  void SetUp() override {
    if (!test::use_own_mounts()) GTEST_SKIP() << "nothing can be mounted here";
    test::InstallRoot::SetUp();
  }
  void TearDown() override {
    ::umount2(host_.root.c_str(), MNT_DETACH);
    test::InstallRoot::TearDown();
  }
  void make_disk() override { test::mount_small_file_system(host_.root); }
  void load_fresh(const std::string& name) {
    ::umount2(host_.root.c_str(), MNT_DETACH);
    make_disk();
    load_into_place(name);
  }

  // A file that nvidia-installer has copied but could not name in its log stays. A file that it has moved away is
  // saved, with a warning.
  Files without_strays(Files files) const {
    const auto known = installed_user_space(host_);
    for (const std::string name : {"/usr/bin/nvidia-1", "/usr/bin/nvidia-2"})
      if (std::find(known.begin(), known.end(), name) == known.end()) files.erase(name);
    if (const auto saved = read_file(host_.in_root("/var/lib/vgpukit/moved-away-by-nvidia-installer-100")))
      files["/usr/lib/theirs.so"] = *saved;
    return files;
  }

  struct Ends {
    int before = 0;  // the command failed and restored the previous state
    int after = 0;   // it has finished, at the latest when there was space again
  };
  template <class Work>
  void fill_at_each_step(Work work) {
    const auto before = all();
    save("before");
    int steps = 0;
    int copies = 0;
    int first_change = 0;
    std::vector<int> wanted;
    ASSERT_TRUE(work([&](std::string_view name) {
      const bool copy = name.starts_with("keep ") || name.starts_with("put back ");
      const bool before_that = copy || name == "begin" || name == "open the journal";
      if (first_change == 0 && !before_that) first_change = steps;
      if (!copy || copies++ % 70 == 0) wanted.push_back(steps);
      ++steps;
    }));
    const auto after = all();
    ASSERT_NE(after, before);
    for (const std::string by : {"/var/lib/dkms/nvidia/filler", "/var/filler"}) {
      const bool ours = by.find("dkms") != std::string::npos;
      Ends ends;
      for (const auto at : wanted) {
        // The command changes /var/lib/dkms only after its snapshots.
        if (ours && at < first_change) continue;
        load_fresh("before");
        std::string name_of_it;
        int number = 0;
        const Status done = work([&](std::string_view name) {
          if (number++ != at) return;
          name_of_it = name;
          test::fill_file_system(host_.in_root(by));
        });
        const auto where = "full from step " + std::to_string(at) + " (" + name_of_it + ") by " + by + ": ";
        if (!done) {
          EXPECT_THAT(done.error().message(), testing::ContainsRegex("[Nn]o space|I/O error")) << where;
          // It is undone at once. After the commit the next command finishes it.
          const auto journal = read_file(host_.in_root("/var/lib/vgpukit/install/journal.json"));
          if (!(journal && journal->find("committing") != std::string::npos)) {
            EXPECT_FALSE(journal) << where << done.error().message();
            auto now = without_strays(all());
            if (!ours) now.erase(by);
            EXPECT_EQ(differences(now, before), "") << where;
          }
        }
        fs::remove(host_.in_root(by));
        const auto left = lock_changes(install_rules(host_));  // as at the start of each command
        ASSERT_TRUE(left) << where << left.error().message();
        EXPECT_FALSE(unfinished_change(install_rules(host_))) << where;
        const auto now = done ? all() : without_strays(all());
        ASSERT_TRUE(now == before || now == after) << where << differences(now, before);
        EXPECT_TRUE(!done || now == after) << where << "it reports success";
        (now == before ? ends.before : ends.after) += 1;
      }
      EXPECT_GE(ends.before, ours ? 1 : 5) << by;
      EXPECT_GE(ends.after, 1) << by;
    }
  }
};

TEST_F(FullDiskTest, Install) {
  fill_at_each_step([&](const OnStep& at) { return install("1", at); });
}

TEST_F(FullDiskTest, Upgrade) {
  ASSERT_TRUE(install("1", {}));
  fill_at_each_step([&](const OnStep& at) { return install("2", at); });
}

TEST_F(FullDiskTest, Rollback) {
  ASSERT_TRUE(install("1", {}));
  ASSERT_TRUE(install("2", {}));
  fill_at_each_step([&](const OnStep& at) -> Status {
    TRY(rollback_driver(host_, {}, at));
    return {};
  });
}

TEST_F(FullDiskTest, Uninstall) {
  ASSERT_TRUE(install("1", {}));
  fill_at_each_step([&](const OnStep& at) -> Status {
    TRY(uninstall_driver(host_, at));
    return {};
  });
}

}  // namespace
}  // namespace vgpukit::install
