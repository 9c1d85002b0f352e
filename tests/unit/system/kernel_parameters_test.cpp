#include "system/kernel_parameters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpukit::system {
namespace {

using testing::IsEmpty;

TEST(KernelParameters, AreSplitAsTheKernelDoes) {
  const KernelParameters all(
      "quiet  root=UUID=a-b dyndbg=\"file a.c +p\" \"pci=nomsi,noaer\" vfio_pci.ids=1:2 pci=nocrs x= -- single "
      "pci=late\n");
  ASSERT_EQ(all.all().size(), 7u);
  EXPECT_FALSE(all.find("quiet")->value);
  EXPECT_EQ(all.find("root")->value, "UUID=a-b");
  EXPECT_EQ(all.find("dyndbg")->value, "file a.c +p");
  ASSERT_TRUE(all.find("vfio-pci.ids"));
  EXPECT_EQ(all.find("vfio-pci.ids")->value, "1:2");
  EXPECT_EQ(all.find("pci")->value, "nocrs");
  EXPECT_EQ(all.with("pci", "noaer")->text, "\"pci=nomsi,noaer\"");
  EXPECT_FALSE(all.with("pci", "late"));
  EXPECT_FALSE(all.with("pci", "nom"));
  EXPECT_EQ(all.find("x")->value, "");
  EXPECT_FALSE(all.find("single"));
  EXPECT_THAT(KernelParameters("\"").all(), IsEmpty());
}

}  // namespace
}  // namespace vgpukit::system
