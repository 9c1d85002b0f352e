#include "install/install.hpp"

#include "install/build_root.hpp"
#include "support/small_file_system.hpp"

namespace vgpukit::install {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class InstallTest : public test::BuildRoot {
 protected:
  Result<InstallOutcome> install_all() {
    auto loaded = recipe::Catalogue::load({folder_ / "recipes"}, "");
    EXPECT_TRUE(loaded) << loaded.error().message();
    catalogue_ = std::move(*loaded);
    InstallRequest request;
    request.driver = &driver_;
    request.catalogue = &catalogue_;
    request.explanations = &catalogue_;
    request.choices = choices_;
    request.with_nvidia_installer = with_installer_;
    request.on_step = [this](std::string_view step) { steps_.emplace_back(step); };
    for (const auto* release : {"6.1", "6.12"}) {
      auto kernel = kernel::open_kernel(host_, release);
      EXPECT_TRUE(kernel) << kernel.error().message();
      request.kernels.push_back(std::move(*kernel));
    }
    return install_driver(host_, std::move(request));
  }
  std::string text(const std::string& path) const {
    const auto read = read_file(host_.in_root(path));
    return read ? *read : "absent";
  }
  void expect_nothing_changed(const Files& before) const {
    EXPECT_EQ(differences(all(), before), "");
    EXPECT_FALSE(installed_record(host_));
    EXPECT_FALSE(unfinished_change(install_rules(host_)));
    EXPECT_FALSE(fs::exists(host_.in_root("/var/lib/vgpukit/install/working")));
  }

  recipe::Catalogue catalogue_;
  bool with_installer_ = false;
  std::vector<std::string> steps_;
};

TEST_F(InstallTest, RegistersTheUnpatchedSourcesAndInstallsForEachKernel) {
  const auto before = all();
  const auto outcome = install_all();
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_TRUE(outcome->installed);
  EXPECT_THAT(outcome->conflicts, IsEmpty());
  for (const std::string release : {"6.1", "6.12"})
    EXPECT_EQ(text("/lib/modules/" + release + "/updates/dkms/nvidia.ko"), text("/prebuilt/" + release + "/nvidia.ko"));
  const std::string sources = "/usr/src/nvidia-535.261.03";
  EXPECT_THAT(text(sources + "/nvidia/nv.c"), HasSubstr("old_call")) << "each kernel's build patches its own copy";
  EXPECT_THAT(text(sources + "/dkms.conf"),
              AllOf(HasSubstr("MAKE[0]=\"sh ./vgpukit-dkms $kernelver"), HasSubstr("BUILT_MODULE_NAME[0]=\"nvidia\"")));
  const auto record = installed_record(host_);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->at("version"), "535.261.03");
  EXPECT_EQ(record->at("by"), "dkms");
  EXPECT_EQ(record->at("kernels").at("6.12").at("modules").at(0).at("path"),
            "/lib/modules/6.12/updates/dkms/nvidia.ko");
  EXPECT_THAT(outcome->hooks, testing::Not(IsEmpty()));

  const auto removed = uninstall_driver(host_);
  ASSERT_TRUE(removed) << removed.error().message();
  EXPECT_EQ(removed->version, "535.261.03");
  EXPECT_EQ(differences(all(), before), "");
}

TEST_F(InstallTest, ABuildThatFailsChangesNothing) {
  put_recipe(test::recipe_text("6.99-unrelated"));
  auto other = test::recipe_text(id);
  other.replace(other.find("lacks: {symbol: old_call}"), 25, "lacks: {symbol: new_call}");
  put_recipe(other);
  const auto before = all();
  const auto outcome = install_all();
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_FALSE(outcome->installed);
  ASSERT_TRUE(outcome->refused);
  EXPECT_EQ(outcome->refused->result, build::BuildReport::Result::failed);
  EXPECT_EQ(outcome->refused->kernel.release, "6.1");
  EXPECT_THAT(outcome->refused->errors.at(0).message, HasSubstr("implicit declaration of function 'old_call'"));
  expect_nothing_changed(before);
}

TEST_F(InstallTest, WithoutConsentNothingChanges) {
  put_recipe(test::recipe_text(id, "own-notice"));
  const auto before = all();
  auto outcome = install_all();
  ASSERT_TRUE(outcome) << outcome.error().message();
  ASSERT_TRUE(outcome->refused);
  EXPECT_EQ(outcome->refused->result, build::BuildReport::Result::consent);
  expect_nothing_changed(before);
  choices_.accepted = {"own-notice"};
  outcome = install_all();
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(installed_record(host_)->at("accepted"), nlohmann::json::array({"own-notice"}));
}

TEST_F(InstallTest, AnErrorOfDkmsIsShownAndAllIsAsBefore) {
  dkms("build) echo 'Error! Bad return status for module build'; exit 10 ;;");
  const auto before = all();
  const auto outcome = install_all();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::failed);
  EXPECT_THAT(outcome.error().message(),
              AllOf(HasSubstr("build nvidia 535.261.03 for 6.1 with dkms"), HasSubstr("dkms ended with status 10"),
                    HasSubstr("Error! Bad return status for module build"), HasSubstr("make.log")));
  expect_nothing_changed(before);
}

TEST_F(InstallTest, WhatIsRestoredGetsTheLabelsOfSELinux) {
  dkms("build) exit 10 ;;");
  put("/bin/restorecon", "#!/bin/sh\necho \"$*\" >>/var/tmp/labels\n", 0755);
  ASSERT_FALSE(install_all());
  EXPECT_EQ(text("/var/tmp/labels"), "absent");
  put("/sys/fs/selinux/enforce", "1");
  ASSERT_FALSE(install_all());
  EXPECT_THAT(text("/var/tmp/labels"), AllOf(HasSubstr("-R "), HasSubstr(" /lib/modules/6.1/modules.dep")));
}

TEST_F(InstallTest, AReadOnlyUsrSrcIsNamedAndAllIsAsBefore) {
  if (!test::use_own_mounts()) GTEST_SKIP() << "nothing can be mounted here";
  const auto sources = host_.in_root("/usr/src");
  ASSERT_EQ(::mount(sources.c_str(), sources.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::mount(nullptr, sources.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0);
  const auto before = all();
  const auto outcome = install_all();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::denied);
  EXPECT_THAT(outcome.error().message(), AllOf(HasSubstr("/usr/src"), HasSubstr("Read-only file system")));
  expect_nothing_changed(before);
  ::umount2(sources.c_str(), MNT_DETACH);
}

TEST_F(InstallTest, AModuleOfAnotherKernelIsNotAccepted) {
  dkms("build) mkdir -p $tree/$version/$release && cp /prebuilt/6.1/nvidia.ko $tree/$version/$release/ ;;");
  const auto before = all();
  const auto outcome = install_all();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::failed);
  EXPECT_THAT(outcome.error().message(),
              AllOf(HasSubstr("use what dkms has installed for 6.12"),
                    HasSubstr("/lib/modules/6.12/updates/dkms/nvidia.ko is for the kernel 6.1 SMP mod_unload")));
  expect_nothing_changed(before);
}

TEST_F(InstallTest, AConflictIsNamedWithWhatToDoAndNothingChanges) {
  put("/var/lib/dpkg/status", "Package: nvidia-kernel-dkms\nStatus: install ok installed\n\n");
  const auto before = all();
  const auto outcome = install_all();
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_FALSE(outcome->installed);
  ASSERT_THAT(outcome->conflicts, SizeIs(1));
  EXPECT_TRUE(outcome->conflicts[0].blocks);
  EXPECT_THAT(outcome->conflicts[0].what, HasSubstr("the package nvidia-kernel-dkms is installed"));
  EXPECT_THAT(outcome->conflicts[0].next, HasSubstr("nvidia-kernel-dkms"));
  expect_nothing_changed(before);
}

TEST_F(InstallTest, WhatWouldStopTheInstallerIsFoundBeforeTheBuild) {
  with_installer_ = true;
  fs::create_directories(host_.in_root("/usr/lib/nvidia"));
  ASSERT_TRUE(write_file(host_.in_root("/usr/lib/nvidia/pre-install"), "#!/bin/sh\nexit 1\n", 0755));
  const auto before = all();
  const auto outcome = install_all();
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_FALSE(outcome->installed);
  ASSERT_THAT(outcome->conflicts, SizeIs(1));
  EXPECT_THAT(outcome->conflicts.front().what, HasSubstr("/usr/lib/nvidia/pre-install"));
  EXPECT_THAT(steps_, IsEmpty()) << "nothing was built";
  expect_nothing_changed(before);
}

TEST_F(InstallTest, WithoutVgpukitOrDkmsInTheRootNothingIsBuilt) {
  fs::remove(host_.in_root("/bin/vgpukit"));
  auto missing = install_all();
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::missing);
  EXPECT_THAT(missing.error().message(), HasSubstr("install vgpukit in that root"));
  put("/bin/vgpukit", "#!/bin/sh\n", 0755);
  fs::remove(host_.in_root("/bin/dkms"));
  missing = install_all();
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::missing);
  EXPECT_THAT(missing.error().message(), HasSubstr("dkms is not installed"));
  EXPECT_FALSE(fs::exists(folder_ / "unused/built"));
}

}  // namespace
}  // namespace vgpukit::install
