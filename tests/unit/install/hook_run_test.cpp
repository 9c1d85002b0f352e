#include "install/hook_run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "module/elf_builder.hpp"
#include "support/atomic_file.hpp"
#include "support/process.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::install {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(HookReleases, PacmanNamesFiles) {
  EXPECT_THAT(
      hook_releases(HookCaller::pacman, {},
                    "usr/lib/modules/6.13.2-arch1-1/vmlinuz\nusr/lib/modules/6.6.74-1-lts/vmlinuz\n"
                    "usr/lib/modules/6.13.2-arch1-1/build/include/\nusr/share/doc/linux\nusr/lib/modules/../vmlinuz\n"
                    "usr/lib/modules//vmlinuz\nusr/lib/modules/a b/vmlinuz\n\n"),
      ElementsAre("6.6.74-1-lts", "6.13.2-arch1-1"));
}

TEST(HookReleases, PostinstNamesOneAndMore) {
  EXPECT_THAT(hook_releases(HookCaller::postinst, {"6.1.0-9-amd64", "/boot/vmlinuz-6.1.0-9-amd64"}, ""),
              ElementsAre("6.1.0-9-amd64"));
  EXPECT_THAT(hook_releases(HookCaller::postinst, {}, "6.1.0-9-amd64"), IsEmpty());
  EXPECT_THAT(hook_releases(HookCaller::postinst, {"../../etc"}, ""), IsEmpty());
}

TEST(HookReleases, KernelInstallAlsoRemoves) {
  EXPECT_THAT(hook_releases(HookCaller::kernel_install, {"add", "6.13.2", "/boot/x", "/boot/vmlinuz"}, ""),
              ElementsAre("6.13.2"));
  EXPECT_THAT(hook_releases(HookCaller::kernel_install, {"remove", "6.13.2", "/boot/x"}, ""), IsEmpty());
  EXPECT_THAT(hook_releases(HookCaller::kernel_install, {"add"}, ""), IsEmpty());
}

TEST(HookReleases, APersonsAreSortedAndCountOnce) {
  EXPECT_THAT(hook_releases(HookCaller::person, {"6.12.1", "6.6.1", "6.12.1", "-x", ""}, ""),
              ElementsAre("6.6.1", "6.12.1"));
}

// A root with a kernel and the record of a driver, and without dkms.
class HookTest : public testing::Test {
 protected:
  void SetUp() override {
    host_.root = folder_.path();
    put("/lib/modules/6.1.0-9-amd64/kernel/x.ko");
    put("/lib/modules/6.1.0-9-amd64/modules.dep", "");
    put("/etc/os-release", "ID=debian\n");
  }
  void put(const fs::path& path, const std::string& text = "x") { ASSERT_TRUE(write_file(host_.in_root(path), text)); }
  void install() {
    put("/var/lib/vgpukit/install/installed.json", R"({"version": "535.1", "modules": ["nvidia"], "kernels": {}})");
  }
  HookRequest request(std::vector<std::string> releases) const {
    HookRequest request;
    request.caller = "pacman";
    request.releases = std::move(releases);
    return request;
  }
  test::TempFolder folder_;
  HostPaths host_;
};

TEST_F(HookTest, WithoutADriverNothingIsDone) {
  const auto outcome = run_hook(host_, request({"6.1.0-9-amd64"}));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->version, "");
  EXPECT_THAT(outcome->kernels, IsEmpty());
  EXPECT_FALSE(fs::exists(host_.in_root("/var/lib/vgpukit")));
}

TEST_F(HookTest, AKernelWithoutHeadersIsReportedAndRecorded) {
  install();
  const auto outcome = run_hook(host_, request({"6.1.0-9-amd64"}));
  ASSERT_TRUE(outcome);
  ASSERT_EQ(outcome->kernels.size(), 1U);
  EXPECT_EQ(outcome->kernels[0].result, HookKernel::Result::failed);
  EXPECT_THAT(outcome->kernels[0].why, HasSubstr("no module nvidia"));
  EXPECT_THAT(outcome->kernels[0].next, HasSubstr("linux-headers-6.1.0-9-amd64"));
  EXPECT_THAT(outcome->next_boot_problem, HasSubstr("you will boot next, 6.1.0-9-amd64, has no working driver"));

  const auto status = install_status(host_);
  ASSERT_TRUE(status);
  ASSERT_EQ(status->kernels.size(), 1U);
  EXPECT_THAT(status->kernels[0].problem, HasSubstr("linux-headers-6.1.0-9-amd64"));
  ASSERT_TRUE(status->last_hook);
  EXPECT_EQ(status->last_hook->at("by"), "pacman");
}

TEST_F(HookTest, ResultsOfEarlierRunsStayWhileTheirKernelIsInstalled) {
  install();
  put("/lib/modules/6.2.0-1-amd64/modules.dep", "");
  ASSERT_TRUE(run_hook(host_, request({"6.1.0-9-amd64"})));
  ASSERT_TRUE(run_hook(host_, request({"6.2.0-1-amd64"})));
  EXPECT_TRUE(last_hook_run(host_)->at("kernels").contains("6.1.0-9-amd64"));
  fs::remove_all(host_.in_root("/lib/modules/6.1.0-9-amd64"));
  ASSERT_TRUE(run_hook(host_, request({"6.2.0-1-amd64"})));
  EXPECT_FALSE(last_hook_run(host_)->at("kernels").contains("6.1.0-9-amd64"));
}

TEST_F(HookTest, AFailureIsForgottenWhenTheModulesChange) {
  install();
  ASSERT_TRUE(run_hook(host_, request({"6.1.0-9-amd64"})));
  EXPECT_NE(last_hook_failure(host_, *last_hook_run(host_), "6.1.0-9-amd64"), "");
  put("/lib/modules/6.1.0-9-amd64/updates/dkms/nvidia.ko");
  EXPECT_EQ(last_hook_failure(host_, *last_hook_run(host_), "6.1.0-9-amd64"), "");
}

TEST_F(HookTest, DkmsDoesNotRepeatAFailedBuildWhileTheCallersParentRuns) {
  install();
  auto wanted = request({"6.1.0-9-amd64"});
  const auto file = host_.in_root("/run/vgpukit/gave-up");
  ASSERT_TRUE(run_hook(host_, wanted));
  EXPECT_FALSE(fs::exists(file)) << "no process runs dkms's hook after ours";
  wanted.parent = ::getpid();
  ASSERT_TRUE(run_hook(host_, wanted));
  EXPECT_EQ(*read_file(file), std::to_string(::getpid()) + "\n");

  // What our dkms.conf does with it.
  auto conf = *read_file(fs::path(VGPUKIT_SOURCE_DIR) / "kbuild/dkms/dkms.conf");
  conf.replace(conf.find("/run/vgpukit"), 5, host_.in_root("/run").string() + "/");
  put("/dkms.conf", conf);
  const auto autoinstall = [&] {
    const auto script = ". " + host_.in_root("/dkms.conf").string() + "; echo [$AUTOINSTALL]";
    Command command;
    command.argv = {"bash", "-ec", script};
    return run(command)->out;
  };
  EXPECT_EQ(autoinstall(), "[]\n");
  ASSERT_TRUE(write_file(file, "999999999\n"));
  EXPECT_EQ(autoinstall(), "[yes]\n") << "that process has ended";
  fs::remove(file);
  EXPECT_EQ(autoinstall(), "[yes]\n");
}

TEST_F(HookTest, ADamagedRecordIsNone) {
  install();
  put("/var/lib/vgpukit/hooks/last.json", "[1, ");
  ASSERT_TRUE(run_hook(host_, request({"6.1.0-9-amd64"})));
  put("/var/lib/vgpukit/hooks/last.json", R"({"kernels": []})");
  ASSERT_TRUE(run_hook(host_, request({"6.1.0-9-amd64"})));
  EXPECT_TRUE(last_hook_run(host_)->at("kernels").contains("6.1.0-9-amd64"));
}

// weak-modules of RHEL; without headers vgpukit cannot say that the symbols differ.
TEST_F(HookTest, AModuleLinkedFromAReleaseWithTheSameKabiIsTaken) {
  install();
  module::ElfBuilder elf;
  elf.section(".modinfo", "license=NVIDIA" + std::string(1, '\0') + "vermagic=6.1.0-9-amd64 SMP mod_unload " +
                              std::string(1, '\0'));
  put("/lib/modules/6.1.0-9-amd64/extra/nvidia.ko", elf.build());
  put("/lib/modules/6.1.0-10-amd64/modules.dep", "");
  put("/lib/modules/6.1.0-10-amd64/updates/nvidia.ko", elf.build());
  EXPECT_THAT(run_hook(host_, request({"6.1.0-10-amd64"}))->kernels.at(0).why,
              HasSubstr("nvidia is for 6.1.0-9-amd64"));
  fs::remove_all(host_.in_root("/lib/modules/6.1.0-10-amd64/updates"));
  fs::create_directory(host_.in_root("/lib/modules/6.1.0-10-amd64/weak-updates"));
  fs::create_symlink("/lib/modules/6.1.0-9-amd64/extra/nvidia.ko",
                     host_.in_root("/lib/modules/6.1.0-10-amd64/weak-updates/nvidia.ko"));
  EXPECT_EQ(run_hook(host_, request({"6.1.0-10-amd64"}))->kernels.at(0).result, HookKernel::Result::ready);
}

TEST_F(HookTest, AnAbsentKernelIsReported) {
  install();
  const auto outcome = run_hook(host_, request({"6.3.0"}));
  ASSERT_TRUE(outcome);
  EXPECT_THAT(outcome->kernels.at(0).why, HasSubstr("there is no"));
}

}  // namespace
}  // namespace vgpukit::install
