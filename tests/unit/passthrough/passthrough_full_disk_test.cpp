// A disk that is full from any step of passthrough apply and undo on: the command fails and restores the files at once,
// or it succeeds.
#include <gmock/gmock.h>

#include <cstdlib>

#include "passthrough/boot_host.hpp"
#include "support/small_file_system.hpp"

namespace vgpukit::passthrough {
namespace passthrough_full_disk_test {

constexpr const char* nvidia = "01:00.0";

struct Debian : test::BootHost {
  Debian() : test::BootHost("003-without-iommu") {
    usual_kernel();
    tree.file("etc/grub.d/10_linux", "#!/bin/sh\n");
    boot_is_made();
  }
};

// The files of the host, without what recovery may leave: the lock and empty folders.
std::map<std::string, std::string> files_of(const test::BootHost& host) {
  auto files = host.all();
  for (const auto* ours : {"/var/lib/vgpukit", "/var/lib/vgpukit/passthrough", "/var/lib/vgpukit/passthrough/lock"})
    files.erase(ours);
  return files;
}

class PassthroughFullDisk : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::use_own_mounts()) GTEST_SKIP() << "nothing can be mounted here";
    test::mount_small_file_system(folder_.path());
    ::setenv("TMPDIR", folder_.path().c_str(), 1);  // BootHost makes its folder there
  }
  void TearDown() override {
    ::unsetenv("TMPDIR");
    ::umount2(folder_.path().c_str(), MNT_DETACH);
  }

  template <class Prepare, class Work>
  void fill_at_each_step(Prepare prepare, Work work) {
    int steps = 0;
    const auto after = [&] {
      const Debian host;
      prepare(host);
      EXPECT_TRUE(work(host, [&](std::string_view) { ++steps; }));
      return files_of(host);
    }();
    int restored = 0;
    for (int at = 0; at < steps; ++at) {
      const Debian host;
      prepare(host);
      const auto before = files_of(host);
      ASSERT_NE(before, after);
      int number = 0;
      std::string name;
      const Status done = work(host, [&](std::string_view step) {
        if (number++ != at) return;
        name = step;
        test::fill_file_system(folder_ / "filler");
      });
      const auto where = "full from step " + std::to_string(at) + " (" + name + ")";
      const auto journal = host.text("/var/lib/vgpukit/passthrough/journal.json");
      const bool finished = done || journal.find("committing") != std::string::npos;
      if (!finished) {
        EXPECT_EQ(journal, "absent") << where << ": " << done.error().message();
        EXPECT_EQ(files_of(host), before) << where << ": " << done.error().message();
        ++restored;
      }
      fs::remove(folder_ / "filler");
      ASSERT_FALSE(host.undo("0000:ff:00.0")) << "it recovers, then finds nothing to undo";
      EXPECT_EQ(files_of(host), finished ? after : before) << where;
    }
    EXPECT_GE(restored, 5);
  }

  test::TempFolder folder_;
};

TEST_F(PassthroughFullDisk, Apply) {
  fill_at_each_step([](const test::BootHost&) {},
                    [](const test::BootHost& host, const OnStep& step) -> Status {
                      TRY(host.apply(nvidia, step));
                      return {};
                    });
}

TEST_F(PassthroughFullDisk, Undo) {
  fill_at_each_step([](const test::BootHost& host) { ASSERT_TRUE(host.apply(nvidia)); },
                    [](const test::BootHost& host, const OnStep& step) -> Status {
                      TRY(host.undo(nvidia, step));
                      return {};
                    });
}

}  // namespace passthrough_full_disk_test
}  // namespace vgpukit::passthrough
