#include "vgpu/plugin_params.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpukit::vgpu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

TEST(PluginParams, AWordHasANameAndAValue) {
  EXPECT_THAT(*parse_param("frame_rate_limiter=0"), Pair("frame_rate_limiter", "0"));
  EXPECT_THAT(*parse_param("a=b=c"), Pair("a", "b=c"));
  for (const auto* bad : {"", "=", "a", "=1", "a=", "a=1,b=2", "a=1 2", "a b=1", "a=1\n", "a=\x1b[31m"}) {
    const auto parsed = parse_param(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().kind, ErrorKind::usage);
    EXPECT_THAT(parsed.error().next, HasSubstr("NAME=VALUE"));
    EXPECT_THAT(parsed.error().message(), testing::Not(HasSubstr("\x1b")));
  }
}

TEST(PluginParams, TheDriversListIsReadAndWritten) {
  const auto params = params_in(" disable_vnc=1, frame_rate_limiter=0,,x\n");
  EXPECT_THAT(params, ElementsAre(Pair("disable_vnc", "1"), Pair("frame_rate_limiter", "0")));
  EXPECT_EQ(params_text(params), "disable_vnc=1,frame_rate_limiter=0");
  EXPECT_THAT(params_in(""), IsEmpty());
}

TEST(PluginParams, AChangeSetsReplacesAndRemoves) {
  Attributes attributes = {{"other", "1"}, {params_attribute, "a=1,b=2"}};
  change_settings(attributes, {{{"b", "3"}, {"c", "4"}}, {"a"}, "7"});
  EXPECT_THAT(attributes,
              ElementsAre(Pair("other", "1"), Pair(params_attribute, "b=3,c=4"), Pair(placement_attribute, "7")));
  change_settings(attributes, {{}, {"b", "c"}, ""});
  EXPECT_THAT(attributes, ElementsAre(Pair("other", "1")));
}

TEST(PluginParams, UnknownOnesAreNotKnown) {
  EXPECT_TRUE(is_known_param("enable_uvm"));
  EXPECT_FALSE(is_known_param("frame_rate_limit"));
}

}  // namespace
}  // namespace vgpukit::vgpu
