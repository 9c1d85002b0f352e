#include "install/dkms_build.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include "build/job.hpp"
#include "install/build_root.hpp"
#include "support/descriptor.hpp"
#include "support/small_file_system.hpp"

namespace vgpukit::install {
namespace {

using build::BuildReport;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class DkmsBuildTest : public test::BuildRoot {
 protected:
  // dkms's copy of the sources.
  const std::string copy_ = "/var/lib/dkms/nvidia/535.261.03/build";

  Result<BuildReport> dkms_build_for(const std::string& release = "6.1", const std::string& headers = "") {
    fs::remove_all(host_.in_root(copy_));
    const auto written = write_dkms_tree(host_.in_root(copy_), driver_, choices_, "/bin/vgpukit");
    EXPECT_TRUE(written) << written.error().message();
    put(copy_ + "/make.log", "DKMS make.log\n");
    put(copy_ + "/nvidia.ko", "of an earlier run");
    return again(release, headers);
  }
  Result<BuildReport> again(const std::string& release = "6.1", const std::string& headers = "") {
    return dkms_build(host_, {host_.in_root(copy_) / "", release, headers, {}, {}, on_step_});  // as "." is resolved
  }
  std::function<void(std::string_view)> on_step_;
  // As `vgpukit build`, before dkms builds.
  BuildReport rehearsal(recipe::Strict strict = recipe::Strict::none) { return build_in(host_, strict); }
  BuildReport build_in(const HostPaths& host, recipe::Strict strict = recipe::Strict::none) {
    auto kernel = kernel::open_kernel(host, "6.1");
    EXPECT_TRUE(kernel) << kernel.error().message();
    kernel::Facts facts(std::move(*kernel));
    const auto catalogue = recipe::Catalogue::load({folder_ / "recipes"}, "");
    EXPECT_TRUE(catalogue) << catalogue.error().message();
    build::BuildJob job;
    job.driver = &driver_;
    job.catalogue = job.explanations = &*catalogue;
    job.strict = strict;
    auto report = build::run_build(facts, job);
    EXPECT_TRUE(report) << report.error().message();
    return report ? *report : BuildReport();
  }
  std::string text(const std::string& name) const {
    const auto read = read_file(host_.in_root(copy_ + "/" + name));
    return read ? *read : "absent";
  }
  void expect_module() const { EXPECT_EQ(text("nvidia.ko"), *read_file(host_.in_root("/prebuilt/6.1/nvidia.ko"))); }
  void make_fails() { put("/bin/make", "#!/bin/sh\necho 'make: *** it ran' >&2; exit 2\n", 0755); }
};

TEST_F(DkmsBuildTest, TheModuleIsWhereDkmsExpectsItAndTheSourcesAreAsTheyWere) {
  const auto report = dkms_build_for();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->result, BuildReport::Result::built);
  EXPECT_FALSE(report->unchanged);
  expect_module();
  EXPECT_THAT(text("nvidia/nv.c"), HasSubstr("old_call"));
}

TEST_F(DkmsBuildTest, TheFolderOfTheRecipesMayBeRemovedAfterTheInstallation) {
  test::put(folder_ / "recipes/patches/deep/one.patch", "--- a/x\n");
  ASSERT_TRUE(write_dkms_tree(host_.in_root(copy_), driver_, choices_, "/bin/vgpukit"));
  EXPECT_EQ(text("vgpukit-recipes/1/patches/deep/one.patch"), "--- a/x\n");
  fs::remove_all(folder_ / "recipes");
  const auto report = again();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->result, BuildReport::Result::built);
  EXPECT_THAT(report->recipes, Not(testing::IsEmpty()));
  expect_module();
}

// As an earlier version wrote it.
TEST_F(DkmsBuildTest, ATreeThatNamesAFolderOfRecipesSaysThatItIsGone) {
  ASSERT_TRUE(write_dkms_tree(host_.in_root(copy_), driver_, choices_, "/bin/vgpukit"));
  auto choices = nlohmann::json::parse(text("vgpukit.json"));
  choices["recipes"] = {"/home/ann/my recipes"};
  put(copy_ + "/vgpukit.json", choices.dump());
  const auto report = again();
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message(), HasSubstr("cannot read the recipes in /home/ann/my recipes: No such file"));
}

TEST_F(DkmsBuildTest, WhatWasBuiltFromThePackageIsUsed) {
  ASSERT_EQ(rehearsal().result, BuildReport::Result::built);
  make_fails();
  const auto report = dkms_build_for();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_TRUE(report->unchanged);
  expect_module();
  // Another file in dkms's folder makes it another driver.
  put(copy_ + "/nvidia/nv.c", text("nvidia/nv.c") + "// mine\n");
  const auto edited = again();
  ASSERT_TRUE(edited) << edited.error().message();
  EXPECT_EQ(edited->result, BuildReport::Result::failed);
  EXPECT_EQ(text("nvidia.ko"), "absent");
}

TEST_F(DkmsBuildTest, AModuleThatChangedAfterItsVerificationIsNotUsed) {
  const auto built = rehearsal();
  ASSERT_EQ(built.modules.size(), 1U);
  test::put(built.modules[0].path, "exchanged");
  const auto report = dkms_build_for();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_FALSE(report->unchanged);
  expect_module();
}

TEST_F(DkmsBuildTest, AKernelThatWasReplacedUnderTheSameReleaseGetsNewModules) {
  ASSERT_EQ(rehearsal().result, BuildReport::Result::built);
  put("/usr/src/linux-headers-6.1/Module.symvers", "0x87654321\tnew_call\tvmlinux\tEXPORT_SYMBOL\t\n");
  const auto report = dkms_build_for();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->result, BuildReport::Result::built);
  EXPECT_FALSE(report->unchanged);
}

TEST_F(DkmsBuildTest, ARootWithTheSameHeadersAndToolsSharesTheBuildAndOneWithAnotherLinkerDoesNot) {
  ASSERT_EQ(rehearsal().result, BuildReport::Result::built);
  auto other = host_;
  other.root = folder_ / "other";
  fs::copy(host_.root, other.root, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  // As in two roots that have the compiler from the same package.
  fs::last_write_time(other.root / "bin/gcc-12", fs::last_write_time(host_.root / "bin/gcc-12"));
  const auto same = build_in(other);
  EXPECT_TRUE(same.unchanged);
  EXPECT_EQ(same.kernel.root, other.root.string());
  test::put(other.root / "bin/ld", "#!/bin/sh\n# a newer one\n", 0755);
  EXPECT_FALSE(build_in(other).unchanged);
}

TEST_F(DkmsBuildTest, ASecondBuildOfTheSameVersionWaits) {
  fs::create_directories(host_.in_root(copy_));
  const Descriptor other(::open(host_.in_root(copy_).parent_path().c_str(), O_RDONLY | O_DIRECTORY));
  ASSERT_EQ(::flock(other.get(), LOCK_EX), 0);
  std::string said;
  on_step_ = [&](std::string_view text) {
    said = text;
    ::flock(other.get(), LOCK_UN);
  };
  const auto report = dkms_build_for();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(said, "another dkms build of this driver is running: waiting for it");
  expect_module();
}

// dkms up to 3.0 builds all kernels of a version in one folder.
TEST_F(DkmsBuildTest, AFolderThatASecondDkmsBuildReplacesGetsNoModules) {
  auto script = std::string(test::make_script);
  script.replace(script.find("echo \"  LD [M]"), 0,
                 "cp -r " + copy_ + " /second\nrm -r " + copy_ + "\ncp -r /second " + copy_ + "\n");
  put("/bin/make", script, 0755);
  const auto refused = dkms_build_for();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("another dkms build has replaced the folder"));
  EXPECT_EQ(text("nvidia.ko"), "absent");
}

TEST_F(DkmsBuildTest, AFullDiskIsNamedAndNoModuleIsLeft) {
  if (!test::use_own_mounts()) GTEST_SKIP() << "nothing can be mounted here";
  const auto disk = host_.in_root("/var/lib/dkms");
  test::mount_small_file_system(disk);
  ASSERT_TRUE(write_dkms_tree(host_.in_root(copy_), driver_, choices_, "/bin/vgpukit"));
  test::fill_file_system(disk / "full");
  const auto refused = again();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::no_space) << refused.error().message();
  EXPECT_EQ(text("nvidia.ko"), "absent");
  ::umount2(disk.c_str(), MNT_DETACH);
}

TEST_F(DkmsBuildTest, AFolderThatVgpukitDidNotWriteIsBadInput) {
  put(copy_ + "/nvidia/nv.c", "int theirs;\n");
  const auto refused = again();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_THAT(refused.error().message(),
              AllOf(HasSubstr("vgpukit install did not write it"), HasSubstr("vgpukit build")));
  EXPECT_EQ(text("nvidia/nv.c"), "int theirs;\n");
}

TEST_F(DkmsBuildTest, OtherHeadersThanThoseOfTheKernelAreRefused) {
  const auto refused = dkms_build_for("6.1", "/usr/src/linux-headers-6.12");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_THAT(refused.error().message(), AllOf(HasSubstr("linux-headers-6.12"), HasSubstr("--kernelsourcedir")));
  EXPECT_EQ(text("nvidia.ko"), "absent");
  EXPECT_TRUE(dkms_build_for("6.1", "/usr/src/linux-headers-6.1"));
}

TEST_F(DkmsBuildTest, ANoticeThatWasNotAcceptedNeedsConsent) {
  put_recipe(test::recipe_text(id, "own-notice"));
  const auto refused = dkms_build_for();
  ASSERT_TRUE(refused) << refused.error().message();
  EXPECT_EQ(refused->result, BuildReport::Result::consent);
  ASSERT_EQ(refused->notices.size(), 1U);
  EXPECT_EQ(refused->notices[0].name, "own-notice");
  EXPECT_EQ(text("nvidia.ko"), "absent");
  choices_.accepted = {"own-notice"};
  const auto accepted = dkms_build_for();
  ASSERT_TRUE(accepted) << accepted.error().message();
  EXPECT_EQ(accepted->result, BuildReport::Result::built);
}

TEST_F(DkmsBuildTest, ARecipeThatCannotBeAppliedEndsTheBuildIfItMattersAtRunTime) {
  auto recipe = test::recipe_text(id);
  recipe.replace(recipe.find("from: old_call"), 14, "from: no_call_");
  put_recipe(recipe + "run-time: the guest stops\n");
  const auto failed = dkms_build_for();
  ASSERT_TRUE(failed) << failed.error().message();
  ASSERT_EQ(failed->result, BuildReport::Result::failed);
  EXPECT_THAT(failed->errors[0].message, HasSubstr(id));
  EXPECT_THAT(failed->errors[0].hint, HasSubstr("the guest stops"));
  EXPECT_EQ(text("nvidia.ko"), "absent");
  // A recipe that was left out at the installation stays out: here the compiler complains.
  choices_.without = {id, "6.0-gone-since"};
  const auto without = dkms_build_for();
  ASSERT_TRUE(without) << without.error().message();
  ASSERT_FALSE(without->errors.empty());
  EXPECT_THAT(without->errors[0].message, HasSubstr("implicit declaration of function 'old_call'"));
}

TEST_F(DkmsBuildTest, ABuildInWhichTheCompilerDecidedAboutARecipeIsMadeAgain) {
  auto recipe = test::recipe_text(id);
  recipe.replace(recipe.find("from: old_call"), 14, "from: no_call_");
  put_recipe(recipe + "run-time: the guest stops\n");
  auto lenient = std::string(test::make_script);
  lenient.replace(lenient.find("*old_call*"), 10, "*no_such_*");
  put("/bin/make", lenient, 0755);
  ASSERT_EQ(rehearsal().result, BuildReport::Result::built);
  const auto strict = dkms_build_for();
  ASSERT_TRUE(strict) << strict.error().message();
  EXPECT_EQ(strict->result, BuildReport::Result::failed);
}

TEST_F(DkmsBuildTest, AKernelWithoutHeadersIsNamedWithThePackage) {
  fs::remove_all(host_.in_root("/usr/src/linux-headers-6.12"));
  const auto missing = dkms_build_for("6.12");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::missing);
  EXPECT_THAT(missing.error().message(), HasSubstr("cannot build for the kernel 6.12: its headers are not installed"));
  EXPECT_EQ(text("nvidia.ko"), "absent");
}

// Its script is: vgpukit dkms-prebuild ..., sh ./vgpukit-make, vgpukit verify, vgpukit dkms-sign.
TEST_F(DkmsBuildTest, ATreeOfAnOlderVgpukitRunsTheSameBuild) {
  ASSERT_TRUE(write_dkms_make_script({host_.in_root(copy_), "6.1", "/lib/modules/6.1/build", {}}, "/bin/vgp ukit"));
  EXPECT_EQ(text("vgpukit-make"),
            "exec '/bin/vgp ukit' --color never dkms-build --kernel 6.1 --headers /lib/modules/6.1/build\n");
}

}  // namespace
}  // namespace vgpukit::install
