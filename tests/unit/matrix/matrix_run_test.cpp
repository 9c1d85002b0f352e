#include "matrix/matrix_run.hpp"

#include <csignal>

#include "matrix/run_fixture.hpp"
#include "recipe/parse_recipe.hpp"
#include "support/interrupt.hpp"

namespace vgpukit::matrix {
namespace {

using testing::HasSubstr;

TEST_F(RunTest, EachCellHasItsVerdictRecipesLogAndCommand) {
  const auto all = result();
  ASSERT_EQ(all.cells.size(), 2U);
  for (const auto& cell : all.cells) {
    EXPECT_EQ(cell.verdict, Verdict::verified) << cell.reason;
    EXPECT_EQ(cell.recipes, std::vector<std::string>{"6.99-applied"});
    EXPECT_EQ(cell.build["result"], "built");
    EXPECT_FALSE(cell.unchanged);
  }
  EXPECT_EQ(all.cells[0].command,
            "vgpukit build " + (folder_ / "driver").string() + " --kernel 6.1.1-a --root " + root_.path().string());
  EXPECT_EQ(read_file(folder_ / "results/cells/d@b.log").value().substr(0, 4), "make");
  EXPECT_THAT(read_file(folder_ / "calls").value(), HasSubstr("--compile-only"));
  EXPECT_EQ(all.outcome(), MatrixOutcome::done);
}

TEST_F(RunTest, WhatHasNotChangedIsNotBuiltAgain) {
  result();
  const auto again = result();
  EXPECT_EQ(calls(), 2U);
  EXPECT_TRUE(again.cells[0].unchanged);
  EXPECT_EQ(again.cells[0].recipes, std::vector<std::string>{"6.99-applied"});
  result(/*fresh=*/true);
  EXPECT_EQ(calls(), 4U);
  driver_source("int function(void) { return token + 1; }\n");
  EXPECT_FALSE(result().cells[0].unchanged);
  EXPECT_EQ(calls(), 6U);
  test::put(root_ / "usr/src/linux-headers-6.2.2-b/include/linux/module.h", "#define CHANGED\n");
  const auto one_changed = result();
  EXPECT_TRUE(one_changed.cells[0].unchanged);
  EXPECT_FALSE(one_changed.cells[1].unchanged);
}

TEST_F(RunTest, ARecipeThatDoesNotApplyChangesNothing) {
  result();
  recipes({recipe("6.99-other", "also_absent"), recipe("6.99-new", "absent")});
  EXPECT_TRUE(result().cells[0].unchanged);
  EXPECT_EQ(calls(), 2U);
  recipes({recipe("6.99-other", "token")});
  EXPECT_FALSE(result().cells[0].unchanged);
  EXPECT_EQ(calls(), 4U);
}

TEST_F(RunTest, WhatIsNotGreenIsTriedAgain) {
  answer("6.1.1-a",
         R"(echo '{"result": "failed", "errors": [
           {"file": "nv.c", "line": 3, "message": "no such thing", "hint": "do this"}, {}]}'; exit 1)");
  auto first = result();
  EXPECT_EQ(first.cells[0].verdict, Verdict::failed);
  EXPECT_EQ(first.cells[0].reason, "nv.c:3: no such thing (and 1 more)");
  EXPECT_EQ(first.cells[0].hint, "do this");
  EXPECT_EQ(first.outcome(), MatrixOutcome::failed);
  fs::remove(folder_ / "answers/6.1.1-a");
  EXPECT_EQ(result().cells[0].verdict, Verdict::verified);
  EXPECT_EQ(calls(), 3U);
}

TEST_F(RunTest, ACellThatDiesOrHangsFailsAloneAndSaysHow) {
  answer("6.1.1-a", "kill -9 $$");
  auto all = result();
  EXPECT_EQ(all.cells[0].verdict, Verdict::failed);
  EXPECT_THAT(all.cells[0].reason, HasSubstr("signal 9"));
  EXPECT_THAT(all.cells[0].hint, HasSubstr("memory"));
  EXPECT_EQ(all.cells[1].verdict, Verdict::verified);
  answer("6.1.1-a", "echo 'error: all is lost' >&2; exit 7");
  EXPECT_THAT(result().cells[0].reason, testing::AllOf(HasSubstr("status 7"), HasSubstr("all is lost")));
  answer("6.1.1-a", "echo '{\"result\": [1]}'");
  EXPECT_EQ(result().cells[0].verdict, Verdict::failed);
  answer("6.1.1-a", "sleep 600");
  matrix("deadline: 1s\n");
  EXPECT_THAT(result().cells[0].reason, HasSubstr("deadline of 1 s"));
}

TEST_F(RunTest, ACellThatIsNotBuiltHasTheProposalsOfAdaptIfItsKernelSaysSo) {
  const std::string failed = "echo '{\"result\": \"failed\", \"errors\": [{\"message\": \"no such thing\"}]}'; exit 1";
  answer("6.1.1-a", R"(line=$(grep '^adapt ' "$here/calls" | tail -n 1)
if [ -z "$line" ]; then )" +
                        failed + R"(; fi
folder=${line#*--output }; folder=${folder%% *}; mkdir -p "$folder"; echo 'id: adapted-x' > "$folder/adapted-x.yaml"
echo '{"result": "green", "ended": "", "proposals": [
  {"id": "adapted-x", "class": "proven", "change": "rename-call a -> b", "why": "the headers say so"}]}')");
  answer("6.2.2-b", failed);
  matrix("", "", ", adapt: true");
  const auto all = result();
  EXPECT_EQ(all.cells[0].verdict, Verdict::failed) << "nobody has read them";
  EXPECT_EQ(all.cells[0].reason, "no such thing");
  const auto& adapted = all.cells[0].build["adapt"];
  EXPECT_EQ(adapted["result"], "green");
  EXPECT_EQ(adapted["proposals"][0]["change"], "rename-call a -> b");
  EXPECT_EQ(adapted["proposals"][0]["text"], "id: adapted-x\n");
  EXPECT_EQ(adapted["command"],
            "vgpukit adapt " + (folder_ / "driver").string() + " --kernel 6.1.1-a --root " + root_.path().string());
  EXPECT_FALSE(all.cells[1].build.contains("adapt")) << "this kernel does not say so";
  EXPECT_THAT(entries_of(folder_ / "results/built"), testing::IsEmpty());
}

TEST_F(RunTest, AnAdaptThatCannotBeTriedSaysWhy) {
  answer("6.1.1-a", R"(echo '{"result": "failed", "errors": [{"message": "the disk is full"}]}'; exit 3)");
  matrix("", "", ", adapt: true");
  EXPECT_EQ(result().cells[0].build["adapt"]["ended"], "the disk is full");
  answer("6.1.1-a", R"(if grep -q '^adapt ' "$here/calls"; then kill -9 $$; fi
echo '{"result": "failed", "errors": []}'; exit 1)");
  test::put(folder_ / "calls", "");
  EXPECT_EQ(result().cells[0].build["adapt"]["ended"], "vgpukit adapt ended with status 137: ");
}

TEST_F(RunTest, MissingAndConsentAreVerdicts) {
  answer("6.1.1-a", R"(echo '{"result": "consent", "errors": [], "notices": [{"name": "gpl-export"}]}'; exit 4)");
  answer("6.2.2-b",
         R"(echo '{"result": "missing", "errors": [
           {"file": "", "line": 0, "message": "no gcc", "hint": "apt install gcc"}]}'; exit 3)");
  const auto all = result();
  EXPECT_EQ(all.cells[0].verdict, Verdict::consent);
  EXPECT_THAT(all.cells[0].reason, HasSubstr("gpl-export"));
  EXPECT_EQ(all.cells[1].verdict, Verdict::missing);
  EXPECT_EQ(all.cells[1].hint, "apt install gcc");
}

TEST_F(RunTest, ADriverThatIsGoneAndABrokenRootAreCellsToo) {
  root_.kernel("6.3.3-c");
  fs::remove(root_ / "usr/src/linux-headers-6.3.3-c/Module.symvers");
  file_ = test::matrix_of(
      "drivers:\n  - {name: d, driver: ./driver}\n  - {name: gone, driver: ./gone}\n"
      "  - {name: elsewhere, driver: ./gone, optional: only at home}\n"
      "kernels:\n  - {name: a, root: " +
          root_.path().string() + ", kernel: '6.1'}\n" + "  - {name: broken, root: " + root_.path().string() +
          ", kernel: '6.3'}\n" + "unsupported: {driver: gone, kernel: broken, reason: no source}\n",
      folder_.path());
  const auto all = result();
  ASSERT_EQ(all.cells.size(), 6U);
  EXPECT_EQ(all.cells[0].verdict, Verdict::verified);
  EXPECT_EQ(all.cells[1].verdict, Verdict::missing);
  EXPECT_THAT(all.cells[1].reason, HasSubstr("Module.symvers"));
  EXPECT_EQ(all.cells[2].verdict, Verdict::missing);
  EXPECT_THAT(all.cells[2].reason, HasSubstr((folder_ / "gone").string()));
  EXPECT_EQ(all.cells[3].verdict, Verdict::unsupported);
  EXPECT_EQ(all.cells[3].reason, "no source");
  EXPECT_EQ(all.cells[4].verdict, Verdict::skipped);
  EXPECT_THAT(all.cells[4].reason, HasSubstr("only at home"));
  EXPECT_EQ(calls(), 1U);
  EXPECT_EQ(all.outcome(), MatrixOutcome::missing);
}

TEST_F(RunTest, AnInterruptedRunGoesOnWhereItWas) {
  // The first build ends only after the other one has begun.
  answer("6.1.1-a", R"(while [ -e "$here/answers/6.2.2-b" ] && ! grep -q 6.2.2-b "$here/calls"; do sleep 0.01; done
echo '{"result": "failed", "errors": [{"message": "wrong"}]}'; exit 1)");
  answer("6.2.2-b", "sleep 600");
  {
    const Interrupt interrupt;
    auto run = settings();
    run.on_cell = [](const Cell&, const CellResult* done) {
      if (done) std::raise(SIGTERM);
    };
    const auto stopped = run_matrix(run);
    ASSERT_FALSE(stopped);
    EXPECT_THAT(stopped.error().message(), HasSubstr("the same command continues"));
  }
  EXPECT_EQ(calls(), 2U);
  fs::remove(folder_ / "answers/6.2.2-b");
  const auto rest = result();
  EXPECT_EQ(calls(), 3U) << "the failed one was done in this run";
  EXPECT_EQ(rest.cells[0].verdict, Verdict::failed);
  EXPECT_EQ(rest.cells[1].verdict, Verdict::verified);
  result();
  EXPECT_EQ(calls(), 4U) << "a new run tries the failed one again";
}

TEST_F(RunTest, AFreshRunDoesNotContinueAnInterruptedOne) {
  result();
  EXPECT_EQ(calls(), 2U);
  {
    const Interrupt interrupt;
    auto run = settings();
    run.on_cell = [](const Cell&, const CellResult*) {
      std::raise(SIGTERM);
    };  // both earlier results are used, then it ends
    driver_source("int function(void) { return 1; }\n");
    ASSERT_FALSE(run_matrix(run));
  }
  const auto before = calls();
  result(/*fresh=*/true);
  EXPECT_EQ(calls(), before + 2);
  result();
  EXPECT_EQ(calls(), before + 2) << "and what it built counts for others";
}

TEST_F(RunTest, WhatCannotBeOpenedLeavesTheEarlierResult) {
  result();
  fs::rename(folder_ / "driver", folder_ / "away");
  EXPECT_EQ(result().cells[0].verdict, Verdict::missing);
  fs::rename(folder_ / "away", folder_ / "driver");
  EXPECT_TRUE(result().cells[0].unchanged);
  EXPECT_EQ(calls(), 2U);
}

TEST_F(RunTest, ResultsOfAnotherVersionOrHalfWrittenAreBuiltAgain) {
  result();
  test::put(folder_ / "results/cells/d@a.json", "{\"driver\": \"d\"");
  test::put(folder_ / "results/cells/d@b.json", "{\"driver\": \"d\", \"shape\": \"of things to come\"}");
  const auto again = result();
  EXPECT_EQ(calls(), 4U);
  EXPECT_EQ(again.outcome(), MatrixOutcome::done);
}

TEST_F(RunTest, AMissingBinaryObjectIsToleratedOnlyWhereTheFileSaysSo) {
  test::put(folder_ / "driver/nvidia/nvidia.Kbuild",
            "NVIDIA_SOURCES = nvidia/nv.c\nNVIDIA_BINARY_OBJECT := $(src)/nvidia/nv-kernel.o_binary\n");
  const auto driver = driver::open_driver(settings().machine, folder_ / "driver");
  ASSERT_TRUE(driver) << driver.error().message();
  ASSERT_FALSE(driver->missing_binary_objects.empty());
  result();
  EXPECT_EQ(read_file(folder_ / "calls").value().find("--compile-only"), std::string::npos);
  matrix("", ", compile-only: true");
  EXPECT_EQ(result().cells[0].verdict, Verdict::compiled);
  EXPECT_THAT(read_file(folder_ / "calls").value(), HasSubstr("--compile-only"));
}

}  // namespace
}  // namespace vgpukit::matrix
