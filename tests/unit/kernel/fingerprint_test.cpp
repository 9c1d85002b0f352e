#include "kernel/fingerprint.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "kernel/fake_kernel.hpp"

namespace vgpukit::kernel {
namespace {

std::string fingerprint(const Kernel& kernel) {
  auto result = fingerprint_of(kernel);
  EXPECT_TRUE(result) << result.error().message();
  return result ? *result : "";
}

TEST(Fingerprint, ChangesWithWhateverDecidesHowAModuleCompiles) {
  const test::TempFolder folder;
  auto kernel = test::fake_kernel(folder);
  std::string last = fingerprint(kernel);
  EXPECT_EQ(last.size(), 32U);
  EXPECT_EQ(fingerprint(kernel), last);
  const auto changes = [&](const char* what) {
    const auto now = fingerprint(kernel);
    EXPECT_NE(now, last) << what;
    last = now;
  };
  for (const char* file : {"include/linux/thing.h", "include/generated/autoconf.h", "include/config/auto.conf",
                           "Module.symvers", "Makefile", "arch/x86/include/asm/page.h", "include/linux/new.h",
                           "scripts/module.lds", "scripts/Makefile.extrawarn"}) {
    test::put(kernel.build / file, "/* changed */\n");
    changes(file);
  }
  fs::remove(kernel.build / "include/linux/new.h");
  changes("a header is gone");
  kernel.compiler.identity = "gcc (Debian 12.2.0-15) 12.2.0";
  changes("another compiler");
  kernel.release = "6.99.1-fake";
  changes("another release");
}

TEST(Fingerprint, IsOfContentNotOfTimes) {
  const test::TempFolder folder;
  const auto kernel = test::fake_kernel(folder);
  const auto before = fingerprint(kernel);
  fs::last_write_time(kernel.build / "include/linux/thing.h",
                      fs::file_time_type::clock::now() - std::chrono::hours(1000));
  EXPECT_EQ(fingerprint(kernel), before);
  test::put(kernel.build / "include/config/DRM", "");
  EXPECT_EQ(fingerprint(kernel), before) << "auto.conf has what the option files say";
}

TEST(Fingerprint, FollowsFoldersThatAreLinks) {
  // Ubuntu: the flavour's include/linux is a link into the common headers.
  const test::TempFolder folder;
  const auto kernel = test::fake_kernel(folder);
  fs::rename(kernel.build / "include/linux", folder / "common-linux");
  fs::create_symlink("../../common-linux", kernel.build / "include/linux");
  fs::create_symlink("..", kernel.build / "include/loop");
  fs::create_symlink("/no/such/file", kernel.build / "include/dangling");
  const auto before = fingerprint(kernel);
  test::put(folder / "common-linux/thing.h", "/* changed */\n");
  EXPECT_NE(fingerprint(kernel), before);
}

TEST(Fingerprint, NewHeadersAreNotRemembered) {
  const test::TempFolder folder;
  const auto kernel = test::fake_kernel(folder);
  fingerprint(kernel);
  EXPECT_FALSE(fs::exists(kernel.host.cache / "facts"))
      << "a header that has just changed may change again with the same times";
}

TEST(Fingerprint, OldHeadersAreNotReadAgain) {
  const test::TempFolder folder;
  const auto kernel = test::fake_kernel(folder);
  // A change time cannot be set, only waited for.
  std::this_thread::sleep_for(std::chrono::milliseconds(3100));
  const auto before = fingerprint(kernel);
  const fs::path facts = kernel.host.cache / "facts";
  ASSERT_TRUE(fs::exists(facts));
  const fs::path index = fs::directory_iterator(facts)->path();
  const auto text = read_file(index).value();
  // What the index says is taken, so the headers were not read.
  test::put(index, text.substr(0, 33) + std::string(32, 'b') + "\n");
  EXPECT_EQ(fingerprint(kernel), std::string(32, 'b'));
  for (const auto& damaged : {std::string(), std::string("x"), std::string(32, 'a') + " " + std::string(32, 'b') + "\n",
                              text.substr(0, 40)}) {
    test::put(index, damaged);
    EXPECT_EQ(fingerprint(kernel), before) << damaged;
  }
}

TEST(Fingerprint, AHeaderThatCannotBeReadIsAnError) {
  if (::geteuid() == 0) GTEST_SKIP() << "root can read everything";
  const test::TempFolder folder;
  const auto kernel = test::fake_kernel(folder);
  ::chmod((kernel.build / "include/linux/thing.h").c_str(), 0);
  const auto result = fingerprint_of(kernel);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::failed);
  EXPECT_NE(result.error().message().find("include/linux/thing.h: Permission denied"), std::string::npos);
}

}  // namespace
}  // namespace vgpukit::kernel
