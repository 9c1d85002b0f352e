#include "vgpu/uuid.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpukit::vgpu {
namespace {

using testing::HasSubstr;

TEST(Uuid, OnlyTheFormThatTheKernelReads) {
  EXPECT_EQ(*parse_uuid("6F1C8A2E-9d0b-4C3D-8E7F-0123456789AB"), "6f1c8a2e-9d0b-4c3d-8e7f-0123456789ab");
  for (const auto* word : {"", "6f1c8a2e9d0b4c3d8e7f0123456789ab", "6f1c8a2e-9d0b-4c3d-8e7f-0123456789a",
                           "6f1c8a2e-9d0b-4c3d-8e7f-0123456789abc", "6f1c8a2g-9d0b-4c3d-8e7f-0123456789ab",
                           "../../../../../../../../../../../../", "6f1c8a2e-9d0b-4c3d-8e7f_0123456789ab"}) {
    const auto uuid = parse_uuid(word);
    ASSERT_FALSE(uuid) << word;
    EXPECT_EQ(uuid.error().kind, ErrorKind::usage);
  }
}

TEST(Uuid, NewOnesDifferAndDerivedOnesDoNot) {
  const auto one = new_uuid();
  const auto two = new_uuid();
  ASSERT_TRUE(one && two);
  EXPECT_TRUE(is_uuid(*one)) << *one;
  EXPECT_NE(*one, *two);
  EXPECT_EQ((*one)[14], '4');
  EXPECT_TRUE(is_uuid(derived_uuid("a")));
  EXPECT_EQ(derived_uuid("a"), derived_uuid("a"));
  EXPECT_NE(derived_uuid("a"), derived_uuid("b"));
  EXPECT_EQ(derived_uuid("a")[14], '8');
  EXPECT_THAT(std::string("89ab"), HasSubstr(std::string(1, derived_uuid("a")[19])));
}

}  // namespace
}  // namespace vgpukit::vgpu
