// A disk that is full from any step of install, upgrade, rollback and uninstall on, by the command's own files or by
// somebody else's: the command fails, and what was there before is there again, at once.
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <fstream>

#include "install/install_root.hpp"

namespace vgpukit::install {
namespace {

class FullDiskTest : public test::InstallRoot {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNS) != 0) GTEST_SKIP() << "nothing can be mounted here";
    ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE,
            nullptr);  // fails where / is no mount point, and need not be then
    test::InstallRoot::SetUp();
  }
  void TearDown() override {
    ::umount2(host_.root.c_str(), MNT_DETACH);
    test::InstallRoot::TearDown();
  }
  void make_disk() override {
    fs::create_directories(host_.root);
    ASSERT_EQ(::mount("tmpfs", host_.root.c_str(), "tmpfs", 0, "size=16m"), 0);
  }
  void load_fresh(const std::string& name) {
    ::umount2(host_.root.c_str(), MNT_DETACH);
    make_disk();
    load_into_place(name);
  }

  void fill(const fs::path& path) const {
    std::error_code bad;
    fs::create_directories(path.parent_path(), bad);
    std::ofstream file(path, std::ios::binary);
    for (const std::size_t size : {std::size_t{1} << 20U, std::size_t{1} << 12U}) {
      const std::string part(size, 'x');
      while (file.write(part.data(), static_cast<std::streamsize>(size)).flush()) {
      }
      file.clear();
    }
  }

  // A file of nvidia-installer's that it could not write down any more stays: nobody knows of it. One of the system's
  // that it has moved away is kept, with a warning.
  Files without_strays(Files files) const {
    const auto known = installed_user_space(host_);
    for (const std::string name : {"/usr/bin/nvidia-1", "/usr/bin/nvidia-2"})
      if (std::find(known.begin(), known.end(), name) == known.end()) files.erase(name);
    if (const auto saved = read_file(host_.in_root("/var/lib/vgpukit/moved-away-by-nvidia-installer-100")))
      files["/usr/lib/theirs.so"] = *saved;
    return files;
  }

  struct Ends {
    int before = 0;  // the command failed, and what was there is there
    int after = 0;   // it has done its work, at the latest when there was space again
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
        // What is there before anything is kept is somebody else's.
        if (ours && at < first_change) continue;
        load_fresh("before");
        std::string name_of_it;
        int number = 0;
        const Status done = work([&](std::string_view name) {
          if (number++ != at) return;
          name_of_it = name;
          fill(host_.in_root(by));
        });
        const auto where = "full from step " + std::to_string(at) + " (" + name_of_it + ") by " + by + ": ";
        if (!done) {
          EXPECT_THAT(done.error().message(), testing::ContainsRegex("[Nn]o space|I/O error")) << where;
          // It is undone at once; from the commit on it is finished by the next command.
          const auto journal = read_file(host_.in_root("/var/lib/vgpukit/install/journal.json"));
          if (!(journal && journal->find("committing") != std::string::npos)) {
            EXPECT_FALSE(journal) << where << done.error().message();
            auto now = without_strays(all());
            if (!ours) now.erase(by);
            EXPECT_EQ(differences(now, before), "") << where;
          }
        }
        fs::remove(host_.in_root(by));
        const auto left = lock_installation(host_);  // as each command begins
        ASSERT_TRUE(left) << where << left.error().message();
        EXPECT_FALSE(unfinished_work(host_)) << where;
        const auto now = done ? all() : without_strays(all());
        ASSERT_TRUE(now == before || now == after) << where << differences(now, before);
        EXPECT_TRUE(!done || now == after) << where << "it says that all is well";
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
