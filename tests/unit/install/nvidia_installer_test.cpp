#include "install/nvidia_installer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpukit::install {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

std::vector<std::string> options_of(const char* version) {
  return installer_options(*Version::parse(version), "6.1.0-56-amd64", "kernel", "/tmp/log", "", 4);
}

TEST(InstallerOptions, A535GetsNoOptionsOfLaterVersions) {
  EXPECT_THAT(options_of("535.247.02"),
              ElementsAre("--silent", "--no-x-check", "--no-precompiled-interface", "--kernel-name=6.1.0-56-amd64",
                          "--log-file-name=/tmp/log", "--dkms", "--concurrency-level=4",
                          "--kernel-module-build-directory=kernel"));
}

TEST(InstallerOptions, Later550sDoNotLoadModules) {
  EXPECT_THAT(options_of("550.40.07"), Contains("--skip-module-load"));
  EXPECT_THAT(options_of("550.40.07"), Contains("--no-rebuild-initramfs"));
  EXPECT_THAT(options_of("545.29.06"), Not(Contains("--skip-module-load")));
}

TEST(InstallerOptions, EarlyVersionsHaveNoFolderOption) {
  EXPECT_THAT(options_of("460.32.03"), Not(Contains("--kernel-module-build-directory=kernel")));
}

}  // namespace
}  // namespace vgpukit::install
