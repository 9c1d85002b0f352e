#include "install/nvidia_installer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "driver/run_file_fixtures.hpp"

namespace vgpukit::install {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

std::vector<std::string> options_of(const char* version) {
  return installer_options(*Version::parse(version), "6.1.0-56-amd64", "kernel", "/tmp/log", "");
}

TEST(InstallerOptions, A535GetsNoOptionsOfLaterVersions) {
  EXPECT_THAT(options_of("535.247.02"),
              ElementsAre("--silent", "--no-x-check", "--no-precompiled-interface", "--kernel-name=6.1.0-56-amd64",
                          "--log-file-name=/tmp/log", "--dkms", "--kernel-module-build-directory=kernel"));
}

TEST(InstallerOptions, Later550sDoNotLoadModules) {
  EXPECT_THAT(options_of("550.40.07"), Contains("--skip-module-load"));
  EXPECT_THAT(options_of("550.40.07"), Contains("--no-rebuild-initramfs"));
  EXPECT_THAT(options_of("545.29.06"), Not(Contains("--skip-module-load")));
}

TEST(InstallerOptions, EarlyVersionsHaveNoFolderOption) {
  EXPECT_THAT(options_of("460.32.03"), Not(Contains("--kernel-module-build-directory=kernel")));
}

// The installer here runs make, as NVIDIA's does, and copies what it has then.
class NvidiaInstaller : public driver::testing_driver::RunFile {};

TEST_F(NvidiaInstaller, GetsTheBuiltModulesTheUnpatchedSourcesAndThePatchedChecks) {
  const fs::path had = machine.folder / "had";
  auto files = driver::testing_driver::run_package(driver::testing_driver::vgpu_package());
  files[0].second =
      "#!/bin/sh\ncd \"$(dirname \"$0\")\" && make -C kernel clean && make -C kernel -j2 modules && mkdir " +
      had.string() + " && cp -r kernel " + had.string() + "/ && echo \"$IGNORE_PREEMPT_RT_PRESENCE\"\n";
  const auto driver = open(save(driver::testing_driver::nvidia_run(driver::testing_driver::payload_of(files))));
  driver::testing_driver::write(machine.folder / "built it's/nvidia.ko", "the verified module");
  kernel::Kernel kernel;
  kernel.host = machine.host;
  const driver::SourceEdits edits = {
      {"conftest.sh", "# patched\n"}, {"nvidia/nv.c", "int patched;\n"}, {"nvidia/new.c", "int added;\n"}};
  std::string said;
  const auto status = run_nvidia_installer(driver, edits, {machine.folder / "built it's/nvidia.ko"}, kernel,
                                           {"preempt-rt"}, "/dev/null", [&](std::string_view line) { said = line; });
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(*status, 0) << said;
  const auto text = [&](const char* name) { return driver::testing_driver::read(had / "kernel" / name); };
  EXPECT_EQ(text("nvidia.ko"), "the verified module");
  EXPECT_EQ(text("nvidia/nv.c"), "int nv;\n");
  EXPECT_FALSE(fs::exists(had / "kernel/nvidia/new.c"));
  EXPECT_EQ(text("conftest.sh"), "# patched\n");
  EXPECT_EQ(said, "1");
}

}  // namespace
}  // namespace vgpukit::install
