#include "kernel/kernel_headers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernel/fake_kernel.hpp"

namespace vgpukit::kernel {
namespace {

using test::put;
using test::put_headers;
using testing::ElementsAre;

std::vector<std::string> releases(const std::vector<KernelHeaders>& all) {
  std::vector<std::string> names;
  for (const auto& each : all) names.push_back(each.release);
  return names;
}

TEST(HeaderFolders, AreListedFromTheOldestAlsoWithoutACompiler) {
  const test::TempFolder root;
  for (const char* release : {"6.12.9-amd64", "6.1.0-10-amd64", "6.1.0-9-amd64"})
    test::put_headers(root / "usr/src/linux-headers-" += release, release);
  fs::remove(root / "usr/src/linux-headers-6.12.9-amd64/Module.symvers");
  HostPaths host;
  host.root = root.path();
  EXPECT_THAT(releases(list_headers(host)), ElementsAre("6.1.0-9-amd64", "6.1.0-10-amd64", "6.12.9-amd64"));
}

TEST(HeaderFolders, AreInTheOrderOfTheKernelsBuild) {
  const test::TempFolder root;
  const fs::path build = root / "usr/src/linux-headers-6.1";
  test::put_headers(build, "6.1");
  test::put(build / "arch/x86/include/asm/io.h", "");
  test::put(build / "include/uapi/linux/a.h", "");
  HostPaths host;
  host.root = root.path();
  const auto all = list_headers(host);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_THAT(all[0].folders, ElementsAre(build / "arch/x86/include", build / "include", build / "include/uapi"));
}

TEST(HeaderFolders, OfARootWithoutAny) {
  const test::TempFolder root;
  HostPaths host;
  host.root = root.path();
  EXPECT_TRUE(list_headers(host).empty());
}

}  // namespace
}  // namespace vgpukit::kernel
