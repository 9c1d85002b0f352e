// SIGKILL at the steps of install, upgrade, rollback and uninstall, with the user space. After recovery the state is
// the one before, or the one that the command would have made.
#include <set>

#include "install/install_root.hpp"
#include "support/killed_at.hpp"

namespace vgpukit::install {
namespace {

class KilledTest : public test::InstallRoot {
 protected:
  // The steps to be killed at: all, but of the copies (one for each path) only each seventieth.
  template <class Work>
  std::set<int> steps_of(Work work) {
    std::set<int> wanted;
    int number = 0;
    int copies = 0;
    const auto done = work([&](std::string_view name) {
      const bool copy = name.starts_with("keep ") || name.starts_with("put back ");
      if (!copy || copies++ % 70 == 0) wanted.insert(number);
      ++number;
    });
    EXPECT_TRUE(done) << done.error().message();
    return wanted;
  }

  template <class Work>
  void kill_at_each_step(Work work) {
    const auto before = all();
    save("before");
    const auto steps = steps_of(work);
    const auto after = all();
    ASSERT_NE(after, before);
    int undone = 0;
    int finished = 0;
    for (const auto at : steps) {
      load("before");
      ASSERT_TRUE(test::killed_at(at, [&](const OnStep& step) { return static_cast<bool>(work(step)); }));
      const auto left = lock_changes(install_rules(host_));  // as at the start of each command
      ASSERT_TRUE(left) << left.error().message();
      const auto now = all();
      ASSERT_TRUE(now == before || now == after) << "killed at step " << at << ": " << differences(now, before);
      (now == before ? undone : finished) += 1;
      EXPECT_FALSE(unfinished_change(install_rules(host_)));
    }
    EXPECT_GE(undone, 5);
    EXPECT_GE(finished, 2);
    load("before");
    ASSERT_TRUE(test::killed_at(*std::next(steps.begin(), static_cast<long>(steps.size() / 2)),
                                [&](const OnStep& step) { return static_cast<bool>(work(step)); }));
    const auto again = work({});
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(all(), after) << "the same command, once more";
  }
};

TEST_F(KilledTest, Install) {
  kill_at_each_step([&](const OnStep& at) { return install("1", at); });
}

TEST_F(KilledTest, Upgrade) {
  ASSERT_TRUE(install("1", {}));
  kill_at_each_step([&](const OnStep& at) { return install("2", at); });
}

TEST_F(KilledTest, Rollback) {
  ASSERT_TRUE(install("1", {}));
  ASSERT_TRUE(install("2", {}));
  const auto second = all();
  kill_at_each_step([&](const OnStep& at) -> Status {
    TRY(rollback_driver(host_, {}, at));
    return {};
  });
  EXPECT_EQ(*read_file(host_.in_root("/usr/lib/theirs.so")), "NVIDIA's 1");
  ASSERT_TRUE(rollback_driver(host_));
  EXPECT_EQ(differences(all(), second), "") << "forward again";
}

TEST_F(KilledTest, RollbackToNoDriver) {
  const auto none = all();
  ASSERT_TRUE(install("1", {}));
  kill_at_each_step([&](const OnStep& at) -> Status {
    TRY(rollback_driver(host_, {}, at));
    return {};
  });
  EXPECT_EQ(differences(all(), none), "");
}

TEST_F(KilledTest, Uninstall) {
  ASSERT_TRUE(install("1", {}));
  kill_at_each_step([&](const OnStep& at) -> Status {
    TRY(uninstall_driver(host_, at));
    return {};
  });
  EXPECT_EQ(*read_file(host_.in_root("/usr/lib/theirs.so")), "NVIDIA's 1") << "nvidia-uninstall removes that";
}

TEST_F(KilledTest, ARecoveryOfUserSpaceCanBeDoneAgain) {
  ASSERT_TRUE(install("1", {}));
  const auto before = all();
  const auto last = [&] {
    save("before");
    const auto steps = steps_of([&](const OnStep& at) { return install("2", at); });
    load("before");
    return *std::prev(steps.end(), 6);  // before the five of the commit
  }();
  ASSERT_TRUE(test::killed_at(last, [&](const OnStep& step) { return static_cast<bool>(install("2", step)); }));
  ASSERT_NE(all(), before);
  save("left");
  for (int at = 0;; at += 25) {
    load("left");
    const bool killed = test::killed_at(
        at, [&](const OnStep& step) { return static_cast<bool>(recover_change(install_rules(host_), step)); });
    ASSERT_TRUE(recover_change(install_rules(host_)));
    EXPECT_EQ(differences(all(), before), "") << "recovery killed at step " << at;
    if (!killed) break;
    ASSERT_LT(at, 2000);
  }
}

// dkms ends with vgpukit, but a make that dkms has started in a session of its own goes on.
TEST_F(KilledTest, AProgramOfAKilledCommandIsWaitedFor) {
  bring("sleep");
  bring("setsid");
  ASSERT_TRUE(install("1", {}));
  const auto before = all();
  put("/bin/make",
      "#!/bin/sh\n>/started; until [ -e /go ]; do sleep 0.01; done\n"
      "echo late >/lib/modules/6.1/updates/dkms/nvidia.ko\n",
      0755);
  put("/bin/dkms-2", "#!/bin/sh\nsetsid make; exit\n", 0755);
  const pid_t child = ::fork();
  if (child == 0) {
    auto transaction = JournaledChange::begin(install_rules(host_), "install 2", install_scope(host_, {"2"}));
    Command command;
    command.root = host_.root;
    command.argv = {"/bin/dkms-2"};
    ::_exit(transaction && run(command) ? 0 : 1);
  }
  while (!fs::exists(host_.in_root("/started"))) ::usleep(1000);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  {
    const auto lock = FileLock::try_acquire(host_.in_root("/var/lib/vgpukit/install/lock"));
    put("/go", "");
    ASSERT_TRUE(lock);
    ASSERT_FALSE(lock->held()) << "make still runs";
  }
  ASSERT_TRUE(lock_changes(install_rules(host_)));
  for (const auto* name : {"/started", "/go"}) fs::remove(host_.in_root(name));
  EXPECT_EQ(differences(all(), before), "");
}

}  // namespace
}  // namespace vgpukit::install
