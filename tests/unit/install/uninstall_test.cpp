#include "install/install_root.hpp"
#include "support/state_of_0_1_0.hpp"

namespace vgpukit::install {
namespace {

class UninstallTest : public test::InstallRoot {};

// Debian's headers make the folder of a kernel with depmod's files; its image may be installed later.
TEST_F(UninstallTest, AKernelThatCameLaterKeepsWhatDepmodWroteForIt) {
  ASSERT_TRUE(install("1", {}));
  auto record = *installed_record(host_);
  record["made"] = {"/lib/modules/6.12/modules.dep", "/lib/modules/6.1/modules.dep"};
  put("/var/lib/vgpukit/install/installed.json", record.dump());
  put("/lib/modules/6.12/kernel/fs/ext4.ko", "the kernel's");
  ASSERT_TRUE(uninstall_driver(host_));
  EXPECT_TRUE(fs::exists(host_.in_root("/lib/modules/6.12/modules.dep")));
  EXPECT_FALSE(fs::exists(host_.in_root("/lib/modules/6.1/modules.dep"))) << "only headers are installed for 6.1";
}

TEST_F(UninstallTest, RollbackRestoresTheSnapshotsOf010) {
  ASSERT_TRUE(install("1", {}));
  const auto first = all();
  ASSERT_TRUE(install("2", {}));
  EXPECT_NE(all(), first);
  test::name_as_0_1_0(host_.in_root("/var/lib/vgpukit/install"));
  ASSERT_TRUE(fs::exists(host_.in_root("/var/lib/vgpukit/install/previous/kept-0/kept.json")));
  const auto back = rollback_driver(host_);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->from, "2");
  EXPECT_EQ(back->to, "1");
  EXPECT_EQ(all(), first);
}

}  // namespace
}  // namespace vgpukit::install
