#include "vgpu/vendor_vfio.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpukit::vgpu {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(CreatableTypes, TheHeaderIsOptionalAndOtherLinesAreSkipped) {
  EXPECT_THAT(creatable_types("ID    : vGPU Name\n1149  : NVIDIA L40-1Q\n  7:x\n"),
              ElementsAre(Pair(1149u, "NVIDIA L40-1Q"), Pair(7u, "x")));
  EXPECT_THAT(creatable_types("5 : A\n"), ElementsAre(Pair(5u, "A")));
  EXPECT_THAT(creatable_types(""), IsEmpty());
  EXPECT_THAT(creatable_types("none\n12\n: \n99999999999 : big\n0 : zero\n\n"), IsEmpty());
}

}  // namespace
}  // namespace vgpukit::vgpu
