// vgpukit plan|patch, with a fake kernel in a root folder
#include "cli/cli_fixture.hpp"
#include "recipe/recipe_fixture.hpp"

namespace vgpukit::cli {
namespace {

class PlanCommand : public CommandLine {
 protected:
  void SetUp() override {
    if (!make_root()) GTEST_SKIP() << "this user cannot enter a root folder";
    auto files = driver::testing_driver::vgpu_package();
    files["nvidia/nv.c"] = "int nv(void)\n{\n    return old_call();\n}\n";
    driver::testing_driver::put(temp / "package", files);
    test::put(temp / "recipes/6.99-old-call-removed.yaml", test::recipe_text("6.99-old-call-removed"));
  }
  // COMMAND for the package and the fake kernel, with the recipes of the test alone.
  [[nodiscard]] std::vector<std::string> command(const std::string& name, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {name, (temp / "package").string(), "--root", root().string(), "--no-shipped-recipes",
                               "--recipes", (temp / "recipes").string()});
    return more;
  }
  void needs_consent() const {
    test::put(temp / "recipes/6.99-old-call-removed.yaml", test::recipe_text("6.99-old-call-removed", "own-notice"));
  }
};

TEST_F(PlanCommand, SaysWhatAppliesAndWhy) {
  const auto plan = vgpukit(command("plan"));
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_THAT(plan.out, StartsWith("Plan for NVIDIA 535.247.02 (vgpu-kvm) on 6.99.0-fake\n"
                                   "  result:  nothing stops vgpukit build\n  recipes: 1 to apply\n"));
  EXPECT_THAT(plan.out, HasSubstr("applies  6.99-old-call-removed\n    old_call() is gone"));
  EXPECT_THAT(plan.out, HasSubstr("why: "));
  EXPECT_THAT(plan.out, HasSubstr("changes: nvidia/nv.c"));
}

TEST_F(PlanCommand, AnAssumptionChangesThePlan) {
  const auto plan = json(command("plan", {"--assume", "symbol old_call=yes", "--facts"}));
  ASSERT_EQ(plan["recipes"].size(), 1U);
  EXPECT_EQ(plan["recipes"][0]["state"], "not needed");
  EXPECT_EQ(plan["facts"][0]["assumed"], true);
  EXPECT_EQ(plan["kernel"]["release"], "6.99.0-fake");
  EXPECT_EQ(plan["driver"]["flavour"], "vgpu-kvm");
}

TEST_F(PlanCommand, TheDiffIsWhatPatchWrites) {
  const auto plan = vgpukit(command("plan", {"--diff"}));
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_THAT(plan.out, HasSubstr("\n-    return old_call();\n+    return new_call();\n"));
  const auto patch = vgpukit(command("patch", {"--output", (temp / "tree").string()}));
  EXPECT_EQ(patch.code, 0) << patch.err;
  EXPECT_THAT(patch.out, StartsWith("1 recipe applied for 6.99.0-fake:\n"));
  EXPECT_EQ(*read_file(temp / "tree/nvidia/nv.c"), "int nv(void)\n{\n    return new_call();\n}\n");
  EXPECT_EQ(*read_file(temp / "package/nvidia/nv.c"), "int nv(void)\n{\n    return old_call();\n}\n");
  refused(command("patch", {"--output", (temp / "tree").string()}), {"tree is there already, and not empty"});
}

TEST_F(PlanCommand, ANoticeNeedsConsent) {
  needs_consent();
  const auto plan = vgpukit(command("plan"));
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_THAT(plan.out, HasSubstr("fake\n  result:  needs your consent: --accept own-notice\n"
                                  "  recipes: 1 to apply with consent\n"));
  EXPECT_THAT(plan.out, HasSubstr("needs consent  6.99-old-call-removed"));
  EXPECT_THAT(plan.out, HasSubstr("To go on, add --accept own-notice"));

  const auto patch = vgpukit(command("patch", {"--output", (temp / "tree").string()}));
  EXPECT_EQ(patch.code, 4);
  EXPECT_THAT(patch.out, HasSubstr("consent needed: own-notice (recipe 6.99-old-call-removed)\n  It has a cost."));
  EXPECT_FALSE(fs::exists(temp / "tree"));
  EXPECT_EQ(json(command("patch", {"--output", (temp / "tree").string()}), 4)["result"], "consent");

  EXPECT_EQ(vgpukit(command("patch", {"--output", (temp / "tree").string(), "--accept", "own-notice"})).code, 0);
}

TEST_F(PlanCommand, TheConfigurationMayConsent) {
  needs_consent();
  test::put(temp / "config.yaml", "accept: own-notice\n");
  EXPECT_EQ(json(command("plan"))["recipes"][0]["state"], "applies");
  test::put(temp / "config.yaml", "acept: own-notice\n");
  refused(command("plan"), {(temp / "config.yaml").string() + ":1:1: unknown key 'acept'"});
}

TEST_F(PlanCommand, WrongNamesAreBadUsage) {
  refused(command("plan", {"--accept", "no-such-notice"}),
          {"no-such-notice", "known: gpl-export, other-compiler, preempt-rt, xen"});
  refused(command("plan", {"--without", "6.99-old-call-removd"}), {"did you mean '6.99-old-call-removed'?"});
  refused(command("plan", {"--kernel", "6.98"}), {"there are: 6.99.0-fake"});
  refused(command("patch"), {"no place is named", "--output DIR"});
  refused(command("patch", {"--output", "a", "--repack", "b.run"}), {"two places are named"});
}

TEST_F(PlanCommand, ARecipeIsLeftOutByName) {
  const auto plan = json(command("plan", {"--without", "6.99-old-call-removed"}));
  EXPECT_TRUE(plan["recipes"].empty());
}

}  // namespace
}  // namespace vgpukit::cli
