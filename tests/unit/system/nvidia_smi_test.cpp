#include "system/nvidia_smi.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpukit::system {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

const std::string card = "0000:41:00.0";

NvidiaSmi parsed(const std::string& text) {
  NvidiaSmi smi;
  parse_nvidia_smi(text, smi);
  return smi;
}

// As the branches print it: 470 has no capabilities, 525 has capabilities and no mode of sizes, 550 has both, and 580
// has wider columns.
TEST(NvidiaSmi, TheTextOfEachBranch) {
  const auto r470 = parsed(
      "\n==============NVSMI LOG==============\n\nTimestamp                                 : Mon Nov 30 05:00:00 "
      "2026\n"
      "Driver Version                            : 470.256.02\nCUDA Version                              : Not "
      "Found\n\n"
      "Attached GPUs                             : 1\nGPU 00000000:41:00.0\n"
      "    Product Name                          : NVIDIA A40\n    MIG Mode\n        Current                   : N/A\n"
      "        Pending                           : N/A\n    GPU Virtualization Mode\n"
      "        Virtualization Mode               : Host VGPU\n        Host VGPU Mode                    : SR-IOV\n");
  ASSERT_THAT(r470.cards, SizeIs(1));
  EXPECT_EQ(r470.value(card, "Product Name"), "NVIDIA A40");
  EXPECT_EQ(r470.value(card, "GPU Virtualization Mode/Host VGPU Mode"), "SR-IOV");
  EXPECT_EQ(r470.value(card, "MIG Mode/Current"), "") << "N/A";
  EXPECT_EQ(r470.value(card, "vGPU Device Capability/Heterogeneous Time-Slice Sizes"), "");
  const auto r525 = parsed(
      "vGPU Driver Capability\n        Heterogenous Multi-vGPU           : Supported\n\n"
      "Attached GPUs                             : 1\nGPU 00000000:41:00.0\n    vGPU Device Capability\n"
      "        Fractional Multi-vGPU             : Supported\n        Heterogeneous Time-Slice Profiles : Supported\n"
      "        Heterogeneous Time-Slice Sizes    : Not Supported\n    MIG Mode\n"
      "        Current                           : Enabled\n        Pending                           : Disabled\n");
  EXPECT_EQ(r525.value(card, "vGPU Device Capability/Heterogeneous Time-Slice Sizes"), "Not Supported");
  EXPECT_EQ(r525.value(card, "MIG Mode/Current"), "Enabled");
  EXPECT_EQ(r525.value(card, "MIG Mode/Pending"), "Disabled");
  const auto r580 = parsed(
      "Attached GPUs                                          : 2\nGPU 00000000:41:00.0\n"
      "    GPU Virtualization Mode\n        Virtualization Mode                            : Host VGPU\n"
      "        Host VGPU Mode                                 : SR-IOV\n"
      "        vGPU Heterogeneous Mode                        : Enabled\n    GPU Recovery Action                  : "
      "None\n"
      "\nGPU 00000000:C1:00.0\n    GPU Virtualization Mode\n"
      "        vGPU Heterogeneous Mode                        : N/A\n");
  ASSERT_THAT(r580.cards, SizeIs(2));
  EXPECT_EQ(r580.value(card, "GPU Virtualization Mode/vGPU Heterogeneous Mode"), "Enabled");
  EXPECT_EQ(r580.value(card, "GPU Recovery Action"), "None");
  EXPECT_EQ(r580.value("0000:c1:00.0", "GPU Virtualization Mode/vGPU Heterogeneous Mode"), "");
}

TEST(NvidiaSmi, WordsThatNameNoCard) {
  for (const auto* text : {"", "No devices were found\n",
                           "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.65\n",
                           "Unable to determine the device handle for GPU0000:41:00.0: Unknown Error\n",
                           "<?xml version=\"1.0\" ?>\n<nvidia_smi_log>\n\t<gpu id=\"00000000:41:00.0\">\n"})
    EXPECT_THAT(parsed(text).cards, IsEmpty()) << text;
}

}  // namespace
}  // namespace vgpukit::system
