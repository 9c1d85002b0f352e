#include "matrix/prove.hpp"

#include <csignal>

#include "matrix/run_fixture.hpp"
#include "support/interrupt.hpp"

namespace vgpukit::matrix {
namespace {

using testing::HasSubstr;

TEST_F(RunTest, AProofEndsAtAnInterruption) {
  recipes({recipe("6.99-applied", "token")});
  const auto known = result();
  auto run = settings();
  const Interrupt interrupt;
  std::raise(SIGTERM);
  const auto proofs = prove_recipes(run, known, {});
  ASSERT_FALSE(proofs);
  EXPECT_THAT(proofs.error().why, HasSubstr("interrupted"));
}

TEST_F(RunTest, ARecipeIsTriedOnAnotherDriverAndKernelNext) {
  file_ = test::matrix_of(
      "drivers: [{name: d, driver: ./driver}, {name: e, driver: ./driver}]\nkernels:\n  - {name: a, root: " +
          root_.path().string() + ", kernel: '6.1'}\n  - {name: b, root: " + root_.path().string() +
          ", kernel: '6.2'}\n",
      folder_.path());
  recipes({recipe("6.99-applied", "token")});
  auto known = result();
  const double seconds[] = {1, 3, 2, 4};  // d on a, d on b, e on a, e on b
  for (std::size_t i = 0; i < 4; ++i) known.cells[i].seconds = seconds[i];
  auto run = settings();
  std::vector<std::string> tried;
  ProofOptions options;
  options.cells_per_recipe = 3;
  options.on_try = [&](const std::string&, const CellResult& cell) { tried.push_back(cell.driver + cell.kernel); };
  ASSERT_TRUE(prove_recipes(run, known, options));
  EXPECT_EQ(tried, (std::vector<std::string>{"da", "eb", "ea"}));
}

TEST_F(RunTest, ARecipeThatNoCellNeedsIsFound) {
  recipes({recipe("6.99-applied", "token"), recipe("6.99-needed", "absent")});
  auto run = settings();
  auto known = result();
  known.cells[0].recipes = {"6.99-applied", "6.99-needed", "6.98-of-another-version"};
  known.cells[1].recipes = {"6.99-applied", "6.99-needed"};
  answer("6.99-needed", R"(echo '{"result": "failed", "errors": [{"message": "needed"}]}'; exit 1)");
  fs::remove(folder_ / "calls");
  run = settings();
  const auto proofs = prove_recipes(run, known, {});
  ASSERT_TRUE(proofs) << proofs.error().message();
  ASSERT_EQ(proofs->size(), 3U);
  EXPECT_EQ((*proofs)[0].recipe, "6.98-of-another-version");
  EXPECT_TRUE((*proofs)[0].tried.empty());
  EXPECT_FALSE((*proofs)[0].is_unneeded());
  EXPECT_EQ((*proofs)[1].recipe, "6.99-applied");
  EXPECT_TRUE((*proofs)[1].is_unneeded());
  EXPECT_EQ((*proofs)[1].tried.size(), 2U);
  EXPECT_FALSE((*proofs)[2].is_unneeded());
  EXPECT_EQ((*proofs)[2].tried.size(), 1U);
  EXPECT_THAT(read_file(folder_ / "calls").value(),
              testing::AllOf(HasSubstr("--without 6.99-needed"), HasSubstr("--first-error-only")));
}

}  // namespace
}  // namespace vgpukit::matrix
