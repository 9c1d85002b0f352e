#include "kernel/symvers.hpp"

#include <gtest/gtest.h>

#include "kernel/fake_kernel.hpp"

namespace vgpukit::kernel {
namespace {

TEST(Symvers, ReadsWhatModpostWrites) {
  const auto symvers = Symvers::parse(
                           "0x4c9d28b0\tphys_base\tvmlinux\tEXPORT_SYMBOL\t\n"
                           "0x00000000\tfollow_pfnmap_start\tvmlinux\tEXPORT_SYMBOL_GPL\t\n"
                           "0xffffffff\tvfio_iommufd_emulated_bind\tdrivers/vfio/vfio\tEXPORT_SYMBOL_GPL\tIOMMUFD\n"
                           "0x00000000\twrite_ibpb\tvmlinux\tEXPORT_SYMBOL_GPL\tmodule:kvm,kvm-amd\n"
                           "0x1\tfour_fields\tvmlinux\tEXPORT_UNUSED_SYMBOL_GPL",
                           "Module.symvers")
                           .value();
  EXPECT_EQ(symvers.size(), 5U);
  const auto* base = symvers.find("phys_base");
  ASSERT_TRUE(base);
  EXPECT_EQ(base->crc, 0x4c9d28b0U);
  EXPECT_FALSE(base->gpl_only);
  EXPECT_EQ(base->module, "vmlinux");
  EXPECT_EQ(base->name_space, "");
  EXPECT_EQ(base->line, 1);
  EXPECT_TRUE(symvers.find("follow_pfnmap_start")->gpl_only);
  EXPECT_EQ(symvers.find("vfio_iommufd_emulated_bind")->name_space, "IOMMUFD");
  EXPECT_EQ(symvers.find("vfio_iommufd_emulated_bind")->crc, 0xffffffffU);
  EXPECT_EQ(symvers.find("write_ibpb")->name_space, "module:kvm,kvm-amd");
  EXPECT_TRUE(symvers.find("four_fields")->gpl_only);
  EXPECT_EQ(symvers.find("follow_pfn"), nullptr);
}

TEST(Symvers, KnowsTheOrderOf54) {
  const auto symvers =
      Symvers::parse("0x1\tusb_stor\tUSB_STORAGE\tdrivers/usb/storage/usb-storage\tEXPORT_SYMBOL_GPL\n", "s").value();
  EXPECT_EQ(symvers.find("usb_stor")->name_space, "USB_STORAGE");
  EXPECT_EQ(symvers.find("usb_stor")->module, "drivers/usb/storage/usb-storage");
}

TEST(Symvers, StaysValidWhenItIsCopiedOrMoved) {
  auto first = Symvers::parse("0x1\tsymbol\tvmlinux\tEXPORT_SYMBOL\t\n", "s").value();
  const auto copy = first;
  const auto moved = std::move(first);
  EXPECT_EQ(copy.find("symbol")->module, "vmlinux");
  EXPECT_EQ(moved.find("symbol")->module, "vmlinux");
}

TEST(Symvers, ALineOfAnotherFormIsRefusedWithItsNumber) {
  for (const char* bad :
       {"garbage", "0x1 spaces vmlinux EXPORT_SYMBOL", "1\tno_0x\tvmlinux\tEXPORT_SYMBOL",
        "0xzz\tbad\tvmlinux\tEXPORT_SYMBOL", "0x123456789\twide\tvmlinux\tEXPORT_SYMBOL", "0x1\tname\tvmlinux\tnothing",
        "0x1\t\tvmlinux\tEXPORT_SYMBOL", "0x1\ta\tb\tEXPORT_SYMBOL\tc\td"}) {
    const auto symvers =
        Symvers::parse("0x1\tgood\tvmlinux\tEXPORT_SYMBOL\n" + std::string(bad) + "\n", "the/Module.symvers");
    ASSERT_FALSE(symvers) << bad;
    EXPECT_EQ(symvers.error().kind, ErrorKind::usage);
    EXPECT_EQ(symvers.error().where->line, 2) << bad;
    EXPECT_NE(symvers.error().message().find("the/Module.symvers:2:"), std::string::npos);
  }
}

TEST(Symvers, AnAbsentFileIsMissing) {
  const test::TempFolder folder;
  const auto symvers = Symvers::load(folder / "Module.symvers");
  ASSERT_FALSE(symvers);
  EXPECT_EQ(symvers.error().kind, ErrorKind::missing);
  test::put(folder / "Module.symvers", "");
  EXPECT_EQ(Symvers::load(folder / "Module.symvers").value().size(), 0U) << "a kernel without exports, or a driver's";
}

}  // namespace
}  // namespace vgpukit::kernel
