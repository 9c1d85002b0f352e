#include "build/build_report.hpp"

#include <gtest/gtest.h>

namespace vgpukit::build {
namespace {

TEST(BuildReport, ResultAndStateAreWordsInJson) {
  BuildReport report;
  report.result = BuildReport::Result::consent;
  report.recipes = {{"6.1-x", recipe::Decision::needs_consent, "summary", "reason", {}}};
  const nlohmann::json document = report;
  EXPECT_EQ(document["result"], "consent");
  EXPECT_EQ(document["recipes"][0]["state"], "needs consent");
  const auto read = document.get<BuildReport>();
  EXPECT_EQ(read.result, BuildReport::Result::consent);
  EXPECT_EQ(read.recipes.at(0).state, recipe::Decision::needs_consent);
}

}  // namespace
}  // namespace vgpukit::build
