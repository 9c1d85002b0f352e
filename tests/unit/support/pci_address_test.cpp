#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/sysfs.hpp"

namespace vgpukit {
namespace {

TEST(PciAddress, IsWrittenAsTheKernelDoes) {
  EXPECT_EQ(pci_address("0000:AF:00.7"), "0000:af:00.7");
  EXPECT_EQ(pci_address("af:1f.0"), "0000:af:1f.0");
  EXPECT_EQ(pci_address("10000:e1:00.0"), "10000:e1:00.0") << "a domain of Intel VMD";
  EXPECT_EQ(pci_address("00000000:3B:00.0"), "0000:3b:00.0") << "as nvidia-smi writes it";
  EXPECT_EQ(pci_address("00010000:E1:00.0"), "10000:e1:00.0");
  EXPECT_EQ(pci_address("FFFFFFFF:ff:1f.7"), "ffffffff:ff:1f.7");
}

TEST(PciAddress, NothingElseIsOne) {
  for (const auto* word : {"", "0000:af:00.8", "0000-af:00.0", "0000:af:00.0/", "g000:af:00.0", "../../../x.0",
                           "0000:af:000.0", "000:af:00.0", "000000000:af:00.0", ":af:00.0", "0000:0000:af:00.0",
                           "af:00", "pci10000:e0", "0000:af:00.", "0000:af:00.00", "0000:af:20.0"})
    EXPECT_FALSE(pci_address(word)) << word;
}

TEST(PciAddress, HasItsNumbers) {
  const auto address = PciAddress::parse("00010001:E1:1f.3");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->domain, 0x10001U);
  EXPECT_EQ(address->bus, 0xe1U);
  EXPECT_EQ(address->device, 0x1fU);
  EXPECT_EQ(address->function, 3U);
  EXPECT_EQ(address->text(), "10001:e1:1f.3");
}

TEST(PciAddress, SortsByItsNumbers) {
  std::vector<std::string> all = {"10000:e1:00.0", "ffff:00:00.0", "1000:00:00.0", "0000:ff:00.0", "0000:01:00.1"};
  std::sort(all.begin(), all.end(), ByAddress());
  EXPECT_THAT(all,
              testing::ElementsAre("0000:01:00.1", "0000:ff:00.0", "1000:00:00.0", "ffff:00:00.0", "10000:e1:00.0"));
}

}  // namespace
}  // namespace vgpukit
