#include "install/dkms_prebuild.hpp"

#include "install/build_root.hpp"

namespace vgpukit::install {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class DkmsPrebuildTest : public test::BuildRoot {
 protected:
  // dkms's copy of the sources.
  const std::string copy_ = "/var/lib/dkms/nvidia/535.261.03/build";

  Result<std::string> prebuild(const std::string& release = "6.1", const std::string& headers = "") {
    fs::remove_all(host_.in_root(copy_));
    const auto written = write_dkms_tree(host_.in_root(copy_), driver_, choices_, "/bin/vgpukit");
    EXPECT_TRUE(written) << written.error().message();
    // Of an earlier run of dkms.
    put(copy_ + "/vgpukit-make", "exit 0\n");
    return again(release, headers);
  }
  Result<std::string> again(const std::string& release, const std::string& headers = "") {
    return dkms_prebuild(host_, {host_.in_root(copy_), release, headers, {}});
  }
  std::string text(const std::string& name) const {
    const auto read = read_file(host_.in_root(copy_ + "/" + name));
    return read ? *read : "absent";
  }
  // dkms runs vgpukit-make, so without that file nothing is built. The sources are not patched either.
  void expect_nothing_was_done() const {
    EXPECT_EQ(text("vgpukit-make"), "absent");
    EXPECT_THAT(text("nvidia/nv.c"), HasSubstr("old_call"));
  }
};

TEST_F(DkmsPrebuildTest, PatchesTheCopyAndWritesTheMakeCommand) {
  const auto said = prebuild();
  ASSERT_TRUE(said) << said.error().message();
  EXPECT_EQ(*said, "vgpukit: NVIDIA 535.261.03 for 6.1: 1 recipe applied: 6.99-old-call-removed\n");
  EXPECT_THAT(text("nvidia/nv.c"), HasSubstr("return new_call(1);"));
  EXPECT_THAT(text("vgpukit-make"),
              AllOf(HasSubstr("\nexec make "), HasSubstr(" -C " + copy_ + " modules "),
                    HasSubstr(" SYSSRC=/usr/src/linux-headers-6.1 SYSOUT=/usr/src/linux-headers-6.1 CC=gcc-12 ")));
  Command make;
  make.root = host_.root;
  make.argv = {"sh", copy_ + "/vgpukit-make"};
  const auto built = run(make);
  ASSERT_TRUE(built && built->ok()) << built->err;
  EXPECT_EQ(text("nvidia.ko"), *read_file(host_.in_root("/prebuilt/6.1/nvidia.ko")));
}

TEST_F(DkmsPrebuildTest, AFolderThatVgpukitDidNotWriteIsBadInput) {
  put(copy_ + "/nvidia/nv.c", "int theirs;\n");
  const auto refused = again("6.1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_THAT(refused.error().message(),
              AllOf(HasSubstr("vgpukit install did not write it"), HasSubstr("vgpukit patch")));
  EXPECT_EQ(text("nvidia/nv.c"), "int theirs;\n");
}

TEST_F(DkmsPrebuildTest, OtherHeadersThanThoseOfTheKernelAreRefused) {
  const auto refused = prebuild("6.1", "/usr/src/linux-headers-6.12");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_THAT(refused.error().message(), AllOf(HasSubstr("linux-headers-6.12"), HasSubstr("--kernelsourcedir")));
  expect_nothing_was_done();
  EXPECT_TRUE(prebuild("6.1", "/usr/src/linux-headers-6.1"));
}

TEST_F(DkmsPrebuildTest, ANoticeThatWasNotAcceptedNeedsConsent) {
  put_recipe(test::recipe_text(id, "own-notice"));
  const auto refused = prebuild();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::consent);
  EXPECT_THAT(refused.error().message(), AllOf(HasSubstr("own-notice"), HasSubstr("--accept")));
  expect_nothing_was_done();
  choices_.accepted = {"own-notice"};
  EXPECT_TRUE(prebuild());
}

TEST_F(DkmsPrebuildTest, WhatWasAcceptedAboutTheKernelReachesMake) {
  ASSERT_TRUE(prebuild());
  EXPECT_THAT(text("vgpukit-make"), testing::Not(HasSubstr("IGNORE_")));
  choices_.accepted = {"preempt-rt", "other-compiler"};
  ASSERT_TRUE(prebuild());
  EXPECT_THAT(text("vgpukit-make"),
              AllOf(HasSubstr("export IGNORE_PREEMPT_RT_PRESENCE=1\n"), HasSubstr("export IGNORE_CC_MISMATCH=1\n")));
}

TEST_F(DkmsPrebuildTest, ARecipeThatCannotBeAppliedIsNamed) {
  auto recipe = test::recipe_text(id);
  recipe.replace(recipe.find("from: old_call"), 14, "from: no_call_");
  put_recipe(recipe);
  // The compiler decides whether it is needed.
  const auto open = prebuild();
  ASSERT_TRUE(open) << open.error().message();
  EXPECT_THAT(*open, StartsWith("vgpukit: could not apply " + std::string(id)));
  EXPECT_NE(text("vgpukit-make"), "absent");

  // A build does not show what fails at run time.
  put_recipe(recipe + "run-time: the guest stops\n");
  const auto failed = prebuild();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::failed);
  EXPECT_THAT(failed.error().message(),
              AllOf(HasSubstr(id), HasSubstr("the guest stops"), HasSubstr("the modules for other kernels stay")));
  expect_nothing_was_done();
  // A recipe that was left out at the installation stays out.
  choices_.without = {id, "6.0-gone-since"};
  const auto without = prebuild();
  ASSERT_TRUE(without) << without.error().message();
  EXPECT_THAT(*without, HasSubstr(": 0 recipes applied"));
}

TEST_F(DkmsPrebuildTest, AKernelWithoutHeadersIsNamedWithThePackage) {
  fs::remove_all(host_.in_root("/usr/src/linux-headers-6.12"));
  const auto missing = prebuild("6.12");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::missing);
  EXPECT_THAT(missing.error().message(), StartsWith("cannot build for the kernel 6.12: its headers are not installed"));
  expect_nothing_was_done();
}

}  // namespace
}  // namespace vgpukit::install
