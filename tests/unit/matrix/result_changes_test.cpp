#include "matrix/result_changes.hpp"

#include "matrix/markdown.hpp"
#include "matrix/matrix_fixtures.hpp"

namespace vgpukit::matrix {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> texts(const std::vector<CellChange>& changes) {
  std::vector<std::string> all;
  for (const auto& change : changes) all.push_back(change.driver + " on " + change.kernel + ": " + change.text);
  return all;
}

TEST(Changes, AreVerdictsCausesAndRecipes) {
  auto slow = test::cell("a", "1", Verdict::verified);
  slow.seconds = 100;
  auto recipes = test::cell("a", "2", Verdict::verified);
  recipes.recipes = {"6.1-x", "6.2-y"};
  auto other_recipes = recipes;
  other_recipes.recipes = {"6.2-y", "6.3-z"};
  auto cause = test::cell("a", "3", Verdict::failed);
  cause.reason = "this";
  auto other_cause = cause;
  other_cause.reason = "that";
  const auto before = test::result_of({test::cell("a", "1", Verdict::verified), recipes, cause,
                                       test::cell("a", "4", Verdict::failed), test::cell("b", "1", Verdict::failed)});
  const auto now = test::result_of({slow, other_recipes, other_cause, test::cell("a", "4", Verdict::verified),
                                    test::cell("c", "1", Verdict::missing)});
  EXPECT_THAT(
      texts(changes_since(before, now)),
      ElementsAre("a on 2: recipes: + 6.3-z, - 6.1-x", "a on 3: still failed, for another reason; it was: this",
                  "a on 4: was failed, is verified", "c on 1: new: missing", "b on 1: no longer there; it was failed"));
  EXPECT_TRUE(changes_since(now, now).empty());
  EXPECT_THAT(markdown_of(now, Baseline{"old.json", before}), HasSubstr("## What changed since old.json"));
  EXPECT_THAT(markdown_of(now, Baseline{"old.json", now}), HasSubstr("Nothing."));
}

}  // namespace
}  // namespace vgpukit::matrix
