#include "support/snapshot.hpp"

#include <gtest/gtest.h>

#include "support/atomic_file.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit {
namespace {

// For the host an absolute link leads out of the root: restoring must not follow it there.
TEST(Snapshot, FollowsAnAbsoluteLinkAsTheRootWould) {
  const test::TempFolder temp;
  HostPaths host;
  host.root = temp / "root";
  const auto modules = host.root / "vgpukit-test/lib/modules/6.1";
  fs::create_directories(host.root);
  fs::create_symlink("/vgpukit-test/lib", host.root / "lib");
  ASSERT_TRUE(write_file(modules / "nvidia.ko", "old"));

  const auto snapshot =
      Snapshot::keep(host, {"/lib/modules/6.1/nvidia.ko", "/lib/modules/6.1/extra/new.ko"}, temp / "snapshot");
  ASSERT_TRUE(snapshot) << snapshot.error().message();
  EXPECT_TRUE(snapshot->paths()[1].there);
  EXPECT_EQ(snapshot->paths()[0].above, "/lib/modules/6.1");
  ASSERT_TRUE(write_file(modules / "nvidia.ko", "changed"));
  ASSERT_TRUE(write_file(modules / "extra/new.ko", "new"));
  const auto restored = snapshot->restore();
  ASSERT_TRUE(restored) << restored.error().message();
  EXPECT_EQ(*read_file(modules / "nvidia.ko"), "old");
  EXPECT_FALSE(fs::exists(modules / "extra"));
}

}  // namespace
}  // namespace vgpukit
