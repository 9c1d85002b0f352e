#include "recipe/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipe/parse_recipe.hpp"

namespace vgpukit::recipe {
namespace {

using testing::HasSubstr;

// A kernel without headers: a fact that is not assumed is an error.
kernel::Facts facts_with(std::map<std::string, bool> assumptions) {
  kernel::Kernel kernel;
  kernel.release = "6.12.95-test";
  kernel.version = *Version::parse("6.12.95");
  kernel.host.root = "/nowhere";
  kernel.host.cache = "/nowhere/cache";
  return kernel::Facts(std::move(kernel), std::move(assumptions));
}

driver::Driver driver_535() {
  driver::Driver driver;
  driver.version = *Version::parse("535.261.03");
  driver.flavour = driver::Flavour::vgpu_kvm;
  driver.modules = {"nvidia", "nvidia-drm"};
  return driver;
}

const std::string no_llseek = R"(id: 6.12-no-llseek-removed
summary: no_llseek is gone
when:
  kernel: {lacks: {declaration: no_llseek, header: linux/fs.h}}
  driver: {contains: {token: no_llseek, files: "**/*.c"}}
transforms:
  - remove-initializer: {files: "**/*.c", field: llseek, value: no_llseek}
ensures:
  - absent: {token: no_llseek, files: "**/*.c"}
)";
const std::string export_gpl = R"yaml(id: 6.6-symbol-get
summary: symbol_get wants GPL-only
when:
  kernel: {has: {behaviour: symbol-get-gpl-only}}
  driver: {contains: {token: "EXPORT_SYMBOL(get_ops)", files: "**/*.c"}}
already-fixed:
  contains: {token: "EXPORT_SYMBOL_GPL(get_ops)", files: "**/*.c"}
transforms:
  - export-gpl: {files: "**/*.c", symbols: [get_ops]}
notice: {name: gpl-export, text: for this machine only}
)yaml";

const char* const fops =
    "static struct file_operations f = {\n    .owner = THIS_MODULE,\n    .llseek = no_llseek,\n    .open = o,\n};\n";

struct Planned {
  Catalogue catalogue;
  transform::SourceTree tree;
  Plan plan;
};

Planned plan_for(const std::vector<std::string>& yaml, std::map<std::string, std::string> files,
                 std::map<std::string, bool> assumed, const std::set<std::string>& accepted = {},
                 const std::vector<std::string>& modules = {}) {
  std::vector<Recipe> recipes;
  for (const auto& text : yaml) {
    auto recipe = parse_recipe(text, "r.yaml", "");
    EXPECT_TRUE(recipe) << recipe.error().message();
    recipes.push_back(std::move(recipe).value());
  }
  auto catalogue = Catalogue::of(std::move(recipes));
  EXPECT_TRUE(catalogue);
  Planned planned{std::move(catalogue).value(), transform::SourceTree::of(std::move(files)), {}};
  auto facts = facts_with(std::move(assumed));
  auto plan = make_plan(planned.catalogue, driver_535(), facts, planned.tree, accepted, modules);
  EXPECT_TRUE(plan) << plan.error().message();
  if (plan) planned.plan = std::move(plan).value();
  return planned;
}

std::string text_of(const Planned& planned, const std::string& path) {
  return std::string(planned.tree.read(path).value());
}

TEST(Plan, AppliesWithTheFactAndThePlaceThatDecided) {
  const auto planned =
      plan_for({no_llseek}, {{"nvidia-vgpu-vfio/a.c", fops}}, {{"declaration no_llseek linux/fs.h", false}});
  ASSERT_EQ(planned.plan.lines.size(), 1u);
  const auto& line = planned.plan.lines[0];
  EXPECT_EQ(line.decision, Decision::applies) << line.reason;
  EXPECT_THAT(line.reason, HasSubstr("this kernel does not declare no_llseek in linux/fs.h"));
  EXPECT_THAT(line.reason, HasSubstr("nvidia-vgpu-vfio/a.c:3"));
  ASSERT_EQ(line.files.size(), 1u);
  EXPECT_EQ(line.files[0].path, "nvidia-vgpu-vfio/a.c");
  EXPECT_EQ(text_of(planned, "nvidia-vgpu-vfio/a.c"),
            "static struct file_operations f = {\n    .owner = THIS_MODULE,\n    .open = o,\n};\n");
}

TEST(Plan, NotNeededIfTheKernelStillHasIt) {
  const auto planned = plan_for({no_llseek}, {{"a.c", fops}}, {{"declaration no_llseek linux/fs.h", true}});
  EXPECT_EQ(planned.plan.lines[0].decision, Decision::not_needed);
  EXPECT_THAT(planned.plan.lines[0].reason, HasSubstr("this kernel declares no_llseek in linux/fs.h"));
  EXPECT_EQ(text_of(planned, "a.c"), fops);
}

TEST(Plan, NotNeededIfTheDriverLacksTheConstructAndTheKernelIsNotAsked) {
  // A word in a comment or a string is not the construct. No answer is assumed, so that a question would fail.
  const auto planned = plan_for({no_llseek}, {{"a.c", "/* no_llseek */ char *s = \"no_llseek\";\n"}}, {});
  EXPECT_EQ(planned.plan.lines[0].decision, Decision::not_needed);
  EXPECT_THAT(planned.plan.lines[0].reason, HasSubstr("the driver has no 'no_llseek' in **/*.c"));
}

TEST(Plan, ConsentIsAskedForAndNothingIsChangedWithoutIt) {
  const std::map<std::string, std::string> files = {{"a.c", "EXPORT_SYMBOL(get_ops);\n"}};
  const std::map<std::string, bool> required = {{"behaviour symbol-get-gpl-only", true}};
  const auto without = plan_for({export_gpl}, files, required);
  EXPECT_EQ(without.plan.lines[0].decision, Decision::needs_consent);
  EXPECT_EQ(text_of(without, "a.c"), "EXPORT_SYMBOL(get_ops);\n");
  const auto with = plan_for({export_gpl}, files, required, {"gpl-export"});
  EXPECT_EQ(with.plan.lines[0].decision, Decision::applies);
  EXPECT_EQ(text_of(with, "a.c"), "EXPORT_SYMBOL_GPL(get_ops);\n");
}

TEST(Plan, ADriverThatBringsItsOwnFixIsAlreadyFixed) {
  const auto planned =
      plan_for({export_gpl}, {{"a.c", "EXPORT_SYMBOL_GPL(get_ops);\n"}}, {{"behaviour symbol-get-gpl-only", true}});
  EXPECT_EQ(planned.plan.lines[0].decision, Decision::already_fixed);
  EXPECT_THAT(planned.plan.lines[0].reason, HasSubstr("a.c:1"));
}

TEST(Plan, AModuleThatTheMakefileNoLongerNamesIsNotBuilt) {
  const auto planned = plan_for({no_llseek}, {{"nvidia-vgpu-vfio/a.c", "loff_t (*f)(void) = no_llseek;\n"}},
                                {{"declaration no_llseek linux/fs.h", false}});
  EXPECT_EQ(planned.plan.lines[0].decision, Decision::not_needed);
  EXPECT_THAT(planned.plan.lines[0].reason, HasSubstr("it concerns only nvidia-vgpu-vfio, which is not built"));
}

TEST(Plan, ADriverThatSomebodyHalfFixedIsAlreadyFixedAndTheRestIsNamed) {
  // A driver with patches of two tools: one knew nvidia/b.c, none nvidia/c.c.
  const auto planned = plan_for({export_gpl},
                                {{"nvidia/a.c", "EXPORT_SYMBOL_GPL(get_ops);\n"},
                                 {"nvidia/b.c", "EXPORT_SYMBOL_GPL(get_ops);\n/* was EXPORT_SYMBOL(get_ops) */\n"},
                                 {"nvidia/c.c", "int c;\nEXPORT_SYMBOL(get_ops);\n"}},
                                {{"behaviour symbol-get-gpl-only", true}});
  EXPECT_EQ(planned.plan.lines[0].decision, Decision::already_fixed);
  EXPECT_EQ(planned.plan.lines[0].reason, "the driver brings its own fix (nvidia/a.c:1), which is not in nvidia/c.c:2");
}

TEST(Plan, AFixBesideWhatItReplacesIsWhole) {
  const auto planned = plan_for({export_gpl},
                                {{"nvidia/a.c",
                                  "#if defined(NV_GPL)\nEXPORT_SYMBOL_GPL(get_ops);\n#else\n"
                                  "EXPORT_SYMBOL(get_ops);\n#endif\n"}},
                                {{"behaviour symbol-get-gpl-only", true}});
  EXPECT_EQ(planned.plan.lines[0].decision, Decision::already_fixed);
  EXPECT_EQ(planned.plan.lines[0].reason, "the driver brings its own fix (nvidia/a.c:2)");
}

TEST(Plan, AFixInAHeaderIsForTheWholeDriver) {
  std::string in_header = export_gpl;
  in_header.replace(in_header.find("files: \"**/*.c\"}\ntransforms"), 16, "files: \"**/*.h\"}");
  const auto planned = plan_for(
      {in_header}, {{"nvidia/a.h", "EXPORT_SYMBOL_GPL(get_ops);\n"}, {"nvidia/b.c", "EXPORT_SYMBOL(get_ops);\n"}},
      {{"behaviour symbol-get-gpl-only", true}});
  EXPECT_EQ(planned.plan.lines[0].reason, "the driver brings its own fix (nvidia/a.h:1)");
}

TEST(Plan, ATransformThatFailsMakesItCannotAndLeavesNoEdits) {
  // The condition finds the token. The transform does not find an initializer, because the token is in an expression.
  const std::string odd = "static loff_t (*f)(void) = no_llseek;\n";
  const auto planned = plan_for({no_llseek}, {{"a.c", odd}}, {{"declaration no_llseek linux/fs.h", false}});
  EXPECT_EQ(planned.plan.lines[0].decision, Decision::cannot);
  EXPECT_THAT(planned.plan.lines[0].reason, HasSubstr("remove-initializer"));
  EXPECT_EQ(text_of(planned, "a.c"), odd);
  EXPECT_TRUE(planned.tree.edits().empty());
}

// The construct in nvidia-drm has a form that the recipe does not know.
TEST(Plan, ARecipeForAModuleThatIsNotBuiltStopsNothing) {
  const std::map<std::string, std::string> files = {{"nvidia-drm/d.c", "static loff_t (*f)(void) = no_llseek;\n"},
                                                    {"nvidia/nv.c", "int nv;\n"}};
  const std::map<std::string, bool> lacks = {{"declaration no_llseek linux/fs.h", false}};
  const auto all = plan_for({no_llseek}, files, lacks);
  EXPECT_EQ(all.plan.lines[0].decision, Decision::cannot);
  EXPECT_THAT(all.plan.lines[0].concerns, testing::ElementsAre("nvidia-drm/d.c"));
  EXPECT_THAT(all.plan.lines[0].modules, testing::ElementsAre("nvidia-drm"));
  EXPECT_EQ(plan_for({no_llseek}, files, lacks, {}, {"nvidia-drm"}).plan.lines[0].decision, Decision::cannot);

  const auto without = plan_for({no_llseek}, files, lacks, {}, {"nvidia"});
  EXPECT_EQ(without.plan.lines[0].decision, Decision::not_needed);
  EXPECT_THAT(without.plan.lines[0].reason, HasSubstr("it concerns only nvidia-drm, which is not built"));
}

TEST(Plan, ARecipeMayNameItsModules) {
  const auto named = no_llseek + "modules: nvidia-drm\n";
  const std::map<std::string, std::string> files = {{"common/c.c", "static loff_t (*f)(void) = no_llseek;\n"}};
  const std::map<std::string, bool> lacks = {{"declaration no_llseek linux/fs.h", false}};
  EXPECT_EQ(plan_for({no_llseek}, files, lacks, {}, {"nvidia"}).plan.lines[0].decision, Decision::cannot)
      << "a file that all modules share";
  EXPECT_EQ(plan_for({named}, files, lacks, {}, {"nvidia"}).plan.lines[0].decision, Decision::not_needed);
}

TEST(Plan, WhichRecipesEndABuild) {
  const std::map<std::string, std::string> files = {{"a.c", "static loff_t (*f)(void) = no_llseek;\n"}};
  const std::map<std::string, bool> lacks = {{"declaration no_llseek linux/fs.h", false}};
  const auto plain = plan_for({no_llseek}, files, lacks);
  EXPECT_TRUE(blocking(plain.plan, Strict::none).empty());
  EXPECT_TRUE(blocking(plain.plan, Strict::run_time).empty());
  EXPECT_EQ(blocking(plain.plan, Strict::all).size(), 1U);
  const auto late = plan_for({no_llseek + "run-time: seeking fails\n"}, files, lacks);
  EXPECT_TRUE(blocking(late.plan, Strict::none).empty());
  EXPECT_EQ(blocking(late.plan, Strict::run_time).size(), 1U);
}

TEST(Plan, AnAdaptedRecipeNeedsConsentAndAProofWhenNobodyWatches) {
  const std::map<std::string, std::string> files = {
      {"a.c", "struct o o = {\n  .open = f,\n  .llseek = no_llseek,\n};\n"}};
  const std::map<std::string, bool> lacks = {{"declaration no_llseek linux/fs.h", false}};
  const auto compiles = no_llseek + "adapted: compiles\n";
  EXPECT_EQ(plan_for({compiles}, files, lacks).plan.lines[0].decision, Decision::needs_consent);
  const auto taken = plan_for({compiles}, files, lacks, {"adapted"});
  EXPECT_EQ(taken.plan.lines[0].decision, Decision::applies);
  EXPECT_TRUE(blocking(taken.plan, Strict::none).empty());
  EXPECT_EQ(blocking(taken.plan, Strict::run_time).size(), 1U) << "hooks and dkms";
  for (const std::string known : {"exercised", "proven"}) {
    const auto recipe = no_llseek + "adapted: " + known + "\n";
    EXPECT_EQ(plan_for({recipe}, files, lacks).plan.lines[0].decision, Decision::needs_consent) << known;
    const auto planned = plan_for({recipe}, files, lacks, {"adapted"});
    EXPECT_EQ(planned.plan.lines[0].decision, Decision::applies) << known;
    EXPECT_TRUE(blocking(planned.plan, Strict::run_time).empty()) << known;
  }
}

TEST(Plan, EnsuresIsChecked) {
  const auto planned = plan_for({no_llseek}, {{"a.c", std::string(fops) + "static void *p = no_llseek;\n"}},
                                {{"declaration no_llseek linux/fs.h", false}});
  EXPECT_EQ(planned.plan.lines[0].decision, Decision::cannot);
  EXPECT_THAT(planned.plan.lines[0].reason, HasSubstr("what it ensures does not hold afterwards"));
  EXPECT_TRUE(planned.tree.edits().empty());
}

TEST(Plan, ALaterRecipeSeesWhatAnEarlierOneDid) {
  const std::string first =
      "id: 1-first\nsummary: s\nwhen: {driver: {contains: {token: a, files: '*.c'}}}\n"
      "transforms: [{rename-token: {files: '*.c', from: a, to: b}}]\n";
  const std::string second =
      "id: 2-second\nsummary: s\nafter: 1-first\nwhen: {driver: {contains: {token: b, files: '*.c'}}}\n"
      "transforms: [{rename-token: {files: '*.c', from: b, to: c}}]\n";
  const auto planned = plan_for({second, first}, {{"x.c", "int a;\n"}}, {});
  EXPECT_EQ(planned.plan.applied().size(), 2u);
  EXPECT_EQ(text_of(planned, "x.c"), "int c;\n");
  // The commits of the history are made from the tree after each line.
  EXPECT_EQ(planned.plan.lines[0].after.at("x.c"), "int b;\n");
}

TEST(Plan, VersionsAndFlavoursDecideWithAReason) {
  const auto recipe = [](const std::string& when) {
    return "id: x\nsummary: s\nwhen: " + when + "\ntransforms: [{rename-token: {files: '*.c', from: a, to: b}}]\n";
  };
  const auto reason = [&](const std::string& when) {
    const auto planned = plan_for({recipe(when)}, {{"x.c", "int a;\n"}}, {});
    EXPECT_EQ(planned.plan.lines[0].decision, Decision::not_needed);
    return planned.plan.lines[0].reason;
  };
  EXPECT_EQ(reason("{driver: '<535'}"), "for drivers <535, this is 535.261.03");
  EXPECT_EQ(reason("{driver: {flavour: [open, grid]}}"), "for open or grid drivers, this is vgpu-kvm");
  EXPECT_EQ(reason("{kernel: '>=6.13'}"), "for kernels >=6.13, this is 6.12.95");
}

// A form of something has three answers: yes, no, and that there is no such thing.
TEST(Plan, AThingThatDoesNotExistHasNoOtherForm) {
  const auto recipe = [](const std::string& key) {
    return "id: x\nsummary: s\nwhen:\n  kernel:\n    " + key +
           ": {compiles: 'MODULE_IMPORT_NS(X);', about: a bare word, of: MODULE_IMPORT_NS, header: linux/module.h}\n"
           "transforms: [{rename-token: {files: '*.c', from: a, to: b}}]\n";
  };
  const auto parsed = parse_recipe(recipe("lacks"), "r.yaml", "");
  ASSERT_TRUE(parsed) << parsed.error().message();
  const auto key = parsed->kernel.front().question.key();
  const auto decision = [&](const std::string& condition, bool yes, bool absent) {
    return plan_for({recipe(condition)}, {{"x.c", "int a;\n"}}, {{key, yes}, {"absent " + key, absent}}).plan.lines[0];
  };
  EXPECT_EQ(decision("has", true, false).decision, Decision::applies);
  EXPECT_EQ(decision("lacks", false, false).decision, Decision::applies);
  EXPECT_EQ(decision("absent", false, true).decision, Decision::applies);
  EXPECT_EQ(decision("absent", false, false).decision, Decision::not_needed);
  EXPECT_EQ(decision("has", false, true).decision, Decision::not_needed);
  const auto lacks = decision("lacks", false, true);
  EXPECT_EQ(lacks.decision, Decision::not_needed);
  EXPECT_THAT(lacks.reason, HasSubstr("this kernel has no MODULE_IMPORT_NS in linux/module.h"));
}

TEST(Plan, AnyOfSeveralFactsIsEnough) {
  const std::string recipe =
      "id: x\nsummary: s\nwhen:\n  kernel:\n    any:\n      - has: {symbol: one}\n      - lacks: {symbol: two}\n"
      "transforms: [{rename-token: {files: '*.c', from: a, to: b}}]\n";
  const std::map<std::string, std::string> files = {{"x.c", "int a;\n"}};
  EXPECT_EQ(plan_for({recipe}, files, {{"symbol one", false}, {"symbol two", false}}).plan.lines[0].decision,
            Decision::applies);
  EXPECT_EQ(plan_for({recipe}, files, {{"symbol one", true}, {"symbol two", true}}).plan.lines[0].decision,
            Decision::applies);
  const auto neither = plan_for({recipe}, files, {{"symbol one", false}, {"symbol two", true}});
  EXPECT_EQ(neither.plan.lines[0].decision, Decision::not_needed);
  EXPECT_THAT(neither.plan.lines[0].reason, HasSubstr("does not export one"));
}

}  // namespace
}  // namespace vgpukit::recipe
