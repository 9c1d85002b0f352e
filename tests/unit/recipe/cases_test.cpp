#include "recipe/cases.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipe/parse_recipe.hpp"
#include "support/atomic_file.hpp"

namespace vgpukit::recipe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string recipe_text = R"yaml(id: 1.0-rename
summary: old() is called new() now
when:
  kernel:
    lacks: {declaration: old, header: linux/x.h}
    has: {compiles: "int y;", about: new() with an argument, header: linux/x.h}
  driver: {contains: {token: "old(", files: "*.c"}}
already-fixed:
  contains: {token: "new(", files: "*.c"}
transforms:
  - rename-call: {files: "*.c", from: old, to: new}
)yaml";

Recipe recipe_of(const std::string& text) {
  auto recipe = parse_recipe(text, "recipes/1.0-rename.yaml", "");
  EXPECT_TRUE(recipe) << recipe.error().message();
  return std::move(recipe).value();
}

const std::string kernel = "kernel:\n  declaration old linux/x.h: no\n  compiles new() with an argument: yes\n";

std::vector<RecipeCase> cases_of(const Recipe& recipe, const std::string& text) {
  auto cases = parse_cases(text, "t.yaml", recipe);
  EXPECT_TRUE(cases) << cases.error().message();
  return cases ? std::move(cases).value() : std::vector<RecipeCase>{};
}

std::string error_of(const std::string& text) {
  const auto recipe = recipe_of(recipe_text);
  const auto cases = parse_cases(text, "t.yaml", recipe);
  EXPECT_FALSE(cases) << text;
  return cases ? "" : cases.error().message();
}

TEST(RecipeCases, RunThePlanner) {
  const auto recipe = recipe_of(recipe_text);
  const auto cases =
      cases_of(recipe, kernel +
                           "cases:\n"
                           "  - {name: a call, before: &d {a.c: \"old(1);\\n\"}, after: {a.c: \"new(1);\\n\"}}\n"
                           "  - {name: fixed, before: {a.c: \"new(1);\"}, already-fixed: its own fix}\n"
                           "  - name: old kernel\n"
                           "    kernel: {declaration old linux/x.h: yes}\n"
                           "    before: *d\n"
                           "    not-needed: this kernel declares old\n");
  ASSERT_EQ(cases.size(), 3U);
  std::vector<CaseOutcome> outcomes;
  for (const auto& one : cases) {
    outcomes.push_back(run_case(recipe, one));
    EXPECT_EQ(outcomes.back().problem, "") << one.name;
    EXPECT_EQ(outcomes.back().diff, "") << one.name;
  }
  EXPECT_THAT(untested(recipe, outcomes), IsEmpty());
  outcomes.pop_back();
  EXPECT_THAT(untested(recipe, outcomes), ElementsAre("no case where the kernel does not need it"));
  outcomes.pop_back();
  EXPECT_THAT(untested(recipe, outcomes),
              ElementsAre("no case where the kernel does not need it", "no case where the driver brings its own fix"));
  outcomes.pop_back();
  EXPECT_THAT(untested(recipe, outcomes), testing::Contains(HasSubstr("step 1 (rename-call old -> new")));
}

TEST(RecipeCases, ADifferenceIsShownLineByLine) {
  const auto recipe = recipe_of(recipe_text);
  const auto cases =
      cases_of(recipe, kernel +
                           "cases:\n  - {name: x, before: {a.c: \"a;\\nold(1);\\n\", b.c: \"b\\n\"}, after: {a.c: "
                           "\"a;\\nnew(2);\\n\", c.c: \"c\\n\"}}\n");
  const auto outcome = run_case(recipe, cases.at(0));
  EXPECT_EQ(outcome.problem, "the files are not the expected ones");
  EXPECT_EQ(outcome.diff,
            "--- a.c (expected)\n+++ a.c (got)\n a;\n-new(2);\n+new(1);\n--- c.c (expected)\n+++ no such file\n");
}

TEST(RecipeCases, AnotherDecisionOrReasonFails) {
  const auto recipe = recipe_of(recipe_text);
  const auto cases = cases_of(recipe, kernel +
                                          "cases:\n"
                                          "  - {name: a, before: {a.c: \"x;\\n\"}, after: {a.c: \"new(1);\\n\"}}\n"
                                          "  - {name: b, before: {a.c: \"x;\\n\"}, not-needed: this kernel}\n"
                                          "  - {name: c, before: {a.c: \"old(1);\\n\"}, cannot: found nothing}\n");
  EXPECT_THAT(run_case(recipe, cases.at(0)).problem,
              HasSubstr("expected: applies; got: not needed, the driver has no 'old('"));
  EXPECT_THAT(run_case(recipe, cases.at(1)).problem,
              HasSubstr("the reason is not the expected one: the driver has no 'old('"));
  const auto applied = run_case(recipe, cases.at(2));
  EXPECT_THAT(applied.problem, HasSubstr("expected: cannot; got: applies"));
  EXPECT_THAT(applied.diff, HasSubstr("+new(1);"));
}

// Otherwise the file would grow with every build.
TEST(RecipeCases, ARecipeThatChangesItsOwnResultFails) {
  const auto recipe = recipe_of(R"yaml(id: grows
summary: a line is added before a function
when:
  driver: {contains: {token: "int f(", files: "*.c"}}
transforms:
  - replace: {files: "*.c", find: "int f(", with: "int g(int f(void));\nint f("}
)yaml");
  auto tree = transform::SourceTree::of({{"a.c", "int f(void);\n"}});
  ASSERT_TRUE(recipe.steps.at(0).transform->apply(tree));
  const std::string after(tree.read("a.c").value());
  RecipeCase one;
  one.before = {{"a.c", "int f(void);\n"}};
  one.after = {{"a.c", after}};
  EXPECT_THAT(run_case(recipe, one).problem, HasSubstr("on its own result"));
}

TEST(RecipeCases, ConsentIsGivenUnlessTheCaseExpectsThatItIsNeeded) {
  const auto recipe = recipe_of(recipe_text + "notice: {name: costs, text: it costs}\n");
  const auto cases =
      cases_of(recipe, kernel +
                           "cases:\n  - {name: a, before: &d {a.c: \"old(1);\\n\"}, after: {a.c: \"new(1);\\n\"}}\n"
                           "  - {name: b, before: *d, needs-consent: the driver uses it}\n");
  EXPECT_EQ(run_case(recipe, cases.at(0)).problem, "");
  EXPECT_EQ(run_case(recipe, cases.at(1)).problem, "");
}

TEST(RecipeCases, ErrorsNameTheirPosition) {
  const std::string good = "  - {name: a, before: {a.c: x}, not-needed: x}\n";
  EXPECT_THAT(error_of("cases:\n" + good),
              HasSubstr("t.yaml:2:5: the recipe asks 'compiles new() with an argument', and no answer is given"));
  EXPECT_THAT(error_of("kernel:\n  declaration old linux/y.h: no\ncases:\n" + good),
              HasSubstr("t.yaml:2:3: unknown key 'declaration old linux/y.h' in the facts that this recipe asks"));
  EXPECT_THAT(error_of("kernel:\n  declaration old linux/y.h: no\ncases:\n" + good),
              HasSubstr("did you mean 'declaration old linux/x.h'?"));
  EXPECT_THAT(error_of("kernel: {declaration old linux/x.h: true}\ncases:\n" + good),
              HasSubstr("t.yaml:1:37: yes or no expected, found 'true'"));
  EXPECT_THAT(error_of(kernel + "cases: []\n"), HasSubstr("t.yaml:4:8: a list of cases expected"));
  EXPECT_THAT(error_of(kernel + "cases:\n  - {name: a, not-needed: x}\n"),
              HasSubstr("t.yaml:5:5: a case has no 'before'"));
  EXPECT_THAT(error_of(kernel + "cases:\n  - {name: a, before: {a.c: x}}\n"), HasSubstr("the case has no result"));
  EXPECT_THAT(error_of(kernel + "cases:\n  - {name: a, before: {a.c: x}, after: {a.c: y}, cannot: z}\n"),
              HasSubstr("the case has more than one result"));
  EXPECT_THAT(error_of(kernel + "cases:\n  - {name: a, before: {a.c: [x]}, cannot: z}\n"),
              HasSubstr("t.yaml:5:29: the text of a.c expected"));
  EXPECT_THAT(error_of(kernel + "cases:\n  - {name: a, befor: {a.c: x}, cannot: z}\n"),
              HasSubstr("did you mean 'before'?"));
  EXPECT_THAT(error_of(kernel + "cases:\n" + good + good), HasSubstr("t.yaml:6:5: a second case with the name 'a'"));
  EXPECT_THAT(error_of(kernel + "driver: {flavour: vgpu}\ncases:\n" + good), HasSubstr("'vgpu' is not a flavour"));
}

TEST(RecipeCases, VersionsThatTheRecipeAsksMustBeGiven) {
  const auto recipe = recipe_of(
      "id: r\nsummary: a b c\nwhen: {kernel: \">=6.12\", driver: \">=535\"}\ntransforms:\n  - replace: {files: "
      "\"*.c\", find: a, "
      "with: b}\n");
  const auto none = parse_cases("cases:\n  - {name: a, before: {a.c: a}, after: {a.c: b}}\n", "t.yaml", recipe);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message(), HasSubstr("the recipe asks for the kernel's version"));
  const auto cases =
      cases_of(recipe,
               "driver: {version: 535.1}\nkernel: {version: 6.12.3}\ncases:\n  - {name: a, before: &d {a.c: a}, after: "
               "{a.c: b}}\n"
               "  - {name: b, kernel: {version: \"6.1\"}, before: *d, not-needed: for kernels >=6.12}\n"
               "  - {name: c, driver: {version: \"470.1\"}, before: *d, not-needed: for drivers >=535}\n");
  std::vector<CaseOutcome> outcomes;
  for (const auto& one : cases) {
    outcomes.push_back(run_case(recipe, one));
    EXPECT_EQ(outcomes.back().problem, "") << one.name;
  }
  EXPECT_THAT(untested(recipe, outcomes), IsEmpty());
}

// Every shipped recipe has a test that passes and that covers every step and every negative decision.
TEST(ShippedRecipes, AreTested) {
  const fs::path top = VGPUKIT_SOURCE_DIR;
  const auto catalogue = Catalogue::load({top / "recipes"}, top / "patches");
  ASSERT_TRUE(catalogue) << catalogue.error().message();
  ASSERT_FALSE(catalogue->recipes().empty());
  for (const auto& recipe : catalogue->recipes()) {
    const auto file = cases_file(recipe);
    const auto text = read_file(file);
    ASSERT_TRUE(text) << "there is no " << file;
    const auto cases = parse_cases(*text, file.string(), recipe);
    ASSERT_TRUE(cases) << cases.error().message();
    std::vector<CaseOutcome> outcomes;
    for (const auto& one : *cases) {
      outcomes.push_back(run_case(recipe, one));
      EXPECT_EQ(outcomes.back().problem, "") << recipe.id << ": " << one.name << "\n" << outcomes.back().diff;
    }
    EXPECT_THAT(untested(recipe, outcomes), IsEmpty()) << recipe.id;
  }
}

}  // namespace
}  // namespace vgpukit::recipe
