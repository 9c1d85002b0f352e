#include "system/nvidia_chips.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpukit::system {
namespace {

TEST(Chips, CardsThatPeopleHave) {
  EXPECT_EQ(chip_text(0x1bb3, 0x11d8), "Tesla P4 (GP104, Pascal)");
  EXPECT_EQ(chip_of(0x1bb3)->last_branch, 580u);
  EXPECT_EQ(chip_of(0x1bb3)->last_vgpu, 535u);
  EXPECT_FALSE(chip_of(0x1bb3)->open_modules);
  EXPECT_EQ(chip_of(0x1287)->last_branch, 470u);
  EXPECT_EQ(chip_of(0x0ff2)->last_branch, 367u);
  EXPECT_EQ(chip_of(0x1db6)->last_branch, 580u);
  EXPECT_EQ(chip_of(0x1eb8)->last_branch, 0u);
  EXPECT_TRUE(chip_of(0x1e04)->open_modules);
  EXPECT_FALSE(chip_of(0x2bb1)->closed_modules);
  EXPECT_EQ(card_name(0x1e30, 0x129e), "Quadro RTX 8000");
  EXPECT_EQ(card_name(0x1e30, 0x12ba), "Quadro RTX 6000");
  EXPECT_TRUE(has_vgpus(0x1eb8));
  EXPECT_FALSE(has_vgpus(0x1e04));
  EXPECT_FALSE(chip_of(0x1abc));
  EXPECT_EQ(chip_text(0x1ad7, 0), "an NVIDIA card that is not in vgpukit's list (10de:1ad7)");
}

}  // namespace
}  // namespace vgpukit::system
