#include "support/configuration.hpp"

#include <gtest/gtest.h>

#include "support/atomic_file.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit {
namespace {

TEST(Configuration, CommentsAreEmptyAndFaultsAreErrors) {
  const test::TempFolder folder;
  HostPaths host;
  host.root = folder.path();
  const auto read = [&](const std::string& text) {
    EXPECT_TRUE(write_file(host.in_root("/etc/vgpukit/config.yaml"), text));
    return configuration_of_root(host);
  };
  const auto empty = read("# accept: [x]\n\n  # signing\n");
  ASSERT_TRUE(empty) << empty.error().message();
  EXPECT_TRUE(empty->accept.empty());
  EXPECT_FALSE(empty->signing);
  EXPECT_FALSE(read("signing: {key: relative, certificate: /c}\n"));
  EXPECT_FALSE(read("sining: {}\n"));
}

}  // namespace
}  // namespace vgpukit
