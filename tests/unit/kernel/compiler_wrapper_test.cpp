#include "kernel/compiler_wrapper.hpp"

#include <gtest/gtest.h>

#include "kernel/fake_kernel.hpp"
#include "support/checksummed_file.hpp"

namespace vgpukit::kernel {
namespace {

class CompilerWrapperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::can_build()) GTEST_SKIP() << "needs make and gcc";
    kernel_ = test::fake_kernel(temp_);
    folder_ = temp_ / "work/.vgpukit-compiler";
  }
  // Asks the compiler as cc-option of Kbuild does: 0 it knows this option, 1 it does
  // not.
  int ask(const CompilerWrapper& compiler_wrapper, const std::string& option, const std::string& compiler = {}) const {
    Command make;
    compiler_wrapper.use_in(make);
    if (!compiler.empty()) make.env["VGPUKIT_COMPILER"] = compiler;
    make.argv = {"sh", "-c",
                 kernel_.compiler.command + " -Werror " + option + " -c -x c /dev/null -o /tmp/.tmp_$$/tmp"};
    const auto outcome = run(make);
    return outcome ? outcome->status : -1;
  }
  // A compiler that only fails: an answer does not come from it.
  [[nodiscard]] std::string broken() const {
    test::put(temp_ / "broken", "#!/bin/sh\nexit 2\n");
    fs::permissions(temp_ / "broken", fs::perms(0755));
    return (temp_ / "broken").string();
  }

  const test::TempFolder temp_;
  Kernel kernel_;
  fs::path folder_;
};

TEST_F(CompilerWrapperTest, RemembersForTheNextMake) {
  {
    const CompilerWrapper first(kernel_, folder_, "headers");
    ASSERT_TRUE(first.usable());
    EXPECT_EQ(ask(first, "-Wall"), 1) << "there is no folder for the output: the answer is no, whatever it is";
  }
  EXPECT_FALSE(fs::exists(folder_));
  const CompilerWrapper second(kernel_, folder_, "headers");
  EXPECT_EQ(ask(second, "-Wall", broken()), 1);
  EXPECT_EQ(ask(second, "-Wextra", broken()), 2) << "another question";
  EXPECT_EQ(ask(second, "-Wextra", broken()), 2) << "an answer that is neither yes nor no is not cached";
}

TEST_F(CompilerWrapperTest, OtherHeadersOrCompilerAreAskedAgain) {
  { ask(CompilerWrapper(kernel_, folder_, "headers"), "-Wall"); }
  EXPECT_EQ(ask(CompilerWrapper(kernel_, folder_, "others"), "-Wall", broken()), 2);
  EXPECT_EQ(ask(CompilerWrapper(kernel_, folder_, ""), "-Wall", broken()), 2);
}

TEST_F(CompilerWrapperTest, ADamagedCacheIsNotUsed) {
  { ask(CompilerWrapper(kernel_, folder_, "headers"), "-Wall"); }
  const auto cache = kernel_.host.cache / "options/headers.sh";
  ASSERT_TRUE(read_checksummed(cache));
  test::put(cache, "said=0\n");
  EXPECT_EQ(ask(CompilerWrapper(kernel_, folder_, "headers"), "-Wall", broken()), 2);
  fs::remove(cache);
  fs::remove(kernel_.host.cache / "options");
  test::put(kernel_.host.cache / "options", "a file in the way");
  EXPECT_EQ(ask(CompilerWrapper(kernel_, folder_, "headers"), "-Wall"), 1);
}

TEST_F(CompilerWrapperTest, NothingChangesWhenItCannotBeUsed) {
  test::put(temp_ / "work", "a file in the way");
  const CompilerWrapper none(kernel_, folder_, "headers");
  EXPECT_FALSE(none.usable());
  Command make;
  none.use_in(make);
  EXPECT_TRUE(make.path_first.empty());
  EXPECT_TRUE(make.env.empty());
  auto by_path = kernel_;
  by_path.compiler.command = "/usr/bin/" + by_path.compiler.command;
  EXPECT_FALSE(CompilerWrapper(by_path, temp_ / "other", "headers").usable());
}

}  // namespace
}  // namespace vgpukit::kernel
