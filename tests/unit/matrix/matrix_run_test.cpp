#include "matrix/matrix_run.hpp"

#include <csignal>

#include "matrix/matrix_fixtures.hpp"
#include "matrix/opened_cells.hpp"
#include "support/interrupt.hpp"

namespace vgpukit::matrix {
namespace {

using testing::HasSubstr;

// A "vgpukit" that notes what it was asked for and answers as the file answers/RELEASE says, else with a build that
// worked.
const std::string program = R"(#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/calls"
release=
without=
while [ $# -gt 0 ]; do
  case $1 in --kernel) release=$2 ;; --without) without=$2 ;; esac
  shift
done
[ -z "$without" ] || [ ! -e "$here/answers/$without" ] || release=$without
if [ -e "$here/answers/$release" ]; then . "$here/answers/$release"; exit; fi
echo make said this > "$here/$release.log"
echo '{"result": "built", "errors": [], "log": "'"$here/$release"'.log",
  "recipes": [{"id": "6.99-applied", "state": "applies"}, {"id": "6.99-other", "state": "not needed"}]}'
)";

std::string recipe(const std::string& id, const std::string& token) {
  return "id: " + id + "\nsummary: s\nwhen: {kernel: '>=6', driver: {contains: {token: " + token +
         ", files: '**/*.c'}}}\ntransforms:\n  - rename-token: {files: '**/*.c', from: " + token + ", to: other}\n";
}

class RunTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!root_.tools()) GTEST_SKIP() << "this user cannot enter another root folder here";
    root_.kernel("6.1.1-a");
    root_.kernel("6.2.2-b");
    test::put(folder_ / "vgpukit", program, 0755);
    driver_source("int function(void) { return token; }\n");
    test::put(folder_ / "driver/Kbuild", "ccflags-y += -DNV_VERSION_STRING=\\\"535.261.03\\\"\n");
    test::put(folder_ / "driver/Makefile", "  NV_KERNEL_MODULES ?= $(wildcard nvidia)\n");
    test::put(folder_ / "driver/conftest.sh", "#!/bin/sh\n");
    test::put(folder_ / "driver/nvidia/nvidia.Kbuild", "NVIDIA_SOURCES = nvidia/nv.c\n");
    recipes({recipe("6.99-other", "absent")});
    matrix("");
  }
  void driver_source(const std::string& text) { test::put(folder_ / "driver/nvidia/nv.c", text); }
  void matrix(const std::string& more, const std::string& driver_keys = "") {
    const auto root = root_.path().string();
    file_ = test::matrix_of("drivers: [{name: d, driver: ./driver" + driver_keys +
                                "}]\nkernels:\n  - {name: a, root: " + root +
                                ", kernel: '6.1'}\n  - {name: b, root: " + root + ", kernel: '6.2'}\n" + more,
                            folder_.path());
  }
  void recipes(const std::vector<std::string>& texts) {
    std::vector<recipe::Recipe> all;
    for (const auto& text : texts) all.push_back(recipe::parse_recipe(text, "r.yaml", "/nowhere").value());
    catalogue_ = std::make_unique<recipe::Catalogue>(recipe::Catalogue::of(std::move(all)).value());
  }
  void answer(const std::string& release, const std::string& shell) {
    test::put(folder_ / ("answers/" + release), shell);
  }
  MatrixRun settings() {
    machine_.root = "/";
    machine_.cache = folder_ / "cache";
    machine_.state = folder_ / "state";
    grid_ = make_grid(file_, machine_).value();
    MatrixRun run;
    run.grid = &grid_;
    run.machine = machine_;
    run.catalogue = catalogue_.get();
    run.program = (folder_ / "vgpukit").string();
    run.folder = folder_ / "results";
    run.jobs = 2;
    return run;
  }
  MatrixResult result(bool fresh = false) {
    auto run = settings();
    run.fresh = fresh;
    auto result = run_matrix(run);
    EXPECT_TRUE(result) << result.error().message();
    return result ? *result : MatrixResult{};
  }
  std::size_t calls() {
    const auto text = read_file(folder_ / "calls");
    return text ? static_cast<std::size_t>(std::count(text->begin(), text->end(), '\n')) : 0;
  }

  test::TempFolder folder_;
  test::InstallRoot root_;
  HostPaths machine_;
  MatrixFile file_;
  Grid grid_;
  std::unique_ptr<recipe::Catalogue> catalogue_;
};

TEST_F(RunTest, EachCellHasItsVerdictRecipesLogAndCommand) {
  const auto all = result();
  ASSERT_EQ(all.cells.size(), 2U);
  for (const auto& cell : all.cells) {
    EXPECT_EQ(cell.verdict, "verified") << cell.reason;
    EXPECT_EQ(cell.recipes, std::vector<std::string>{"6.99-applied"});
    EXPECT_EQ(cell.build["result"], "built");
    EXPECT_FALSE(cell.unchanged);
  }
  EXPECT_EQ(all.cells[0].command,
            "vgpukit build " + (folder_ / "driver").string() + " --kernel 6.1.1-a --root " + root_.path().string());
  EXPECT_EQ(read_file(folder_ / "results/cells/d@b.log").value().substr(0, 4), "make");
  EXPECT_THAT(read_file(folder_ / "calls").value(), HasSubstr("--compile-only"));
  EXPECT_EQ(all.exit_code(), Exit::done);
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
  answer(
      "6.1.1-a",
      R"(echo '{"result": "failed", "errors": [{"file": "nv.c", "line": 3, "message": "no such thing", "hint": "do this"}, {}]}'; exit 1)");
  auto first = result();
  EXPECT_EQ(first.cells[0].verdict, "failed");
  EXPECT_EQ(first.cells[0].reason, "nv.c:3: no such thing (and 1 more)");
  EXPECT_EQ(first.cells[0].hint, "do this");
  EXPECT_EQ(first.exit_code(), Exit::failed);
  fs::remove(folder_ / "answers/6.1.1-a");
  EXPECT_EQ(result().cells[0].verdict, "verified");
  EXPECT_EQ(calls(), 3U);
}

TEST_F(RunTest, ACellThatDiesOrHangsFailsAloneAndSaysHow) {
  answer("6.1.1-a", "kill -9 $$");
  auto all = result();
  EXPECT_EQ(all.cells[0].verdict, "failed");
  EXPECT_THAT(all.cells[0].reason, HasSubstr("signal 9"));
  EXPECT_THAT(all.cells[0].hint, HasSubstr("memory"));
  EXPECT_EQ(all.cells[1].verdict, "verified");
  answer("6.1.1-a", "echo 'error: all is lost' >&2; exit 7");
  EXPECT_THAT(result().cells[0].reason, testing::AllOf(HasSubstr("status 7"), HasSubstr("all is lost")));
  answer("6.1.1-a", "echo '{\"result\": [1]}'");
  EXPECT_EQ(result().cells[0].verdict, "failed");
  answer("6.1.1-a", "sleep 600");
  matrix("deadline: 1s\n");
  EXPECT_THAT(result().cells[0].reason, HasSubstr("deadline of 1 s"));
}

TEST_F(RunTest, MissingAndConsentAreSaid) {
  answer("6.1.1-a", R"(echo '{"result": "consent", "errors": [], "notices": [{"name": "gpl-export"}]}'; exit 4)");
  answer(
      "6.2.2-b",
      R"(echo '{"result": "missing", "errors": [{"file": "", "line": 0, "message": "no gcc", "hint": "apt install gcc"}]}'; exit 3)");
  const auto all = result();
  EXPECT_EQ(all.cells[0].verdict, "consent");
  EXPECT_THAT(all.cells[0].reason, HasSubstr("gpl-export"));
  EXPECT_EQ(all.cells[1].verdict, "missing");
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
          ", kernel: '6.3'}\n" + "unsupported: {driver: gone, kernel: broken, reason: nobody has it}\n",
      folder_.path());
  const auto all = result();
  ASSERT_EQ(all.cells.size(), 6U);
  EXPECT_EQ(all.cells[0].verdict, "verified");
  EXPECT_EQ(all.cells[1].verdict, "missing");
  EXPECT_THAT(all.cells[1].reason, HasSubstr("Module.symvers"));
  EXPECT_EQ(all.cells[2].verdict, "missing");
  EXPECT_THAT(all.cells[2].reason, HasSubstr((folder_ / "gone").string()));
  EXPECT_EQ(all.cells[3].verdict, "unsupported");
  EXPECT_EQ(all.cells[3].reason, "nobody has it");
  EXPECT_EQ(all.cells[4].verdict, "skipped");
  EXPECT_THAT(all.cells[4].reason, HasSubstr("only at home"));
  EXPECT_EQ(calls(), 1U);
  EXPECT_EQ(all.exit_code(), Exit::missing);
}

TEST_F(RunTest, AnInterruptedRunGoesOnWhereItWas) {
  // The first one ends only when the other has begun.
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
    EXPECT_THAT(stopped.error().message(), HasSubstr("the same command goes on"));
  }
  EXPECT_EQ(calls(), 2U);
  fs::remove(folder_ / "answers/6.2.2-b");
  const auto rest = result();
  EXPECT_EQ(calls(), 3U) << "the failed one was done in this run";
  EXPECT_EQ(rest.cells[0].verdict, "failed");
  EXPECT_EQ(rest.cells[1].verdict, "verified");
  result();
  EXPECT_EQ(calls(), 4U) << "a new run tries the failed one again";
}

TEST_F(RunTest, AFreshRunTakesNothingFromOneThatWasInterrupted) {
  result();
  EXPECT_EQ(calls(), 2U);
  {
    const Interrupt interrupt;
    auto run = settings();
    run.on_cell = [](const Cell&, const CellResult*) { std::raise(SIGTERM); };  // both are taken over, then it ends
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
  EXPECT_EQ(result().cells[0].verdict, "missing");
  fs::rename(folder_ / "away", folder_ / "driver");
  EXPECT_TRUE(result().cells[0].unchanged);
  EXPECT_EQ(calls(), 2U);
}

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

TEST_F(RunTest, ResultsOfAnotherVersionOrHalfWrittenAreBuiltAgain) {
  result();
  test::put(folder_ / "results/cells/d@a.json", "{\"driver\": \"d\"");
  test::put(folder_ / "results/cells/d@b.json", "{\"driver\": \"d\", \"shape\": \"of things to come\"}");
  const auto again = result();
  EXPECT_EQ(calls(), 4U);
  EXPECT_EQ(again.exit_code(), Exit::done);
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
  EXPECT_EQ(result().cells[0].verdict, "compiled");
  EXPECT_THAT(read_file(folder_ / "calls").value(), HasSubstr("--compile-only"));
}

// A "vgpukit" that delivers a module.
const std::string delivers = R"(#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/calls"
for word; do [ "$last" != --output ] || { mkdir -p "$word"; : > "$word/nvidia.ko"; }; last=$word; done
echo make said this > "$here/$4.log"
echo '{"result": "built", "errors": [], "log": "'"$here/$4"'.log"}'
)";

class LoadTest : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    if (IsSkipped()) return;
    test::put(folder_ / "vgpukit", delivers, 0755);
    matrix("", ", loads: [./load, --quick]");
  }
  void loader(const std::string& shell) {
    test::put(folder_ / "load", "#!/bin/sh\nhere=$(dirname \"$0\")\necho \"$@\" >> \"$here/loads\"\n" + shell, 0755);
  }
  CellResult first() { return result().cells.at(0); }
};

TEST_F(LoadTest, WhatLoadsSaysSoAndTheModulesAreGone) {
  loader("test -e \"$2/nvidia.ko\" && echo it came up && echo noise >&2\n");
  const auto cell = first();
  EXPECT_EQ(cell.verdict, "loads") << cell.reason;
  EXPECT_EQ(cell.reason, "");
  EXPECT_EQ(cell.build["load"]["status"], 0);
  EXPECT_THAT(cell.build["load"]["lines"].get<std::vector<std::string>>(),
              testing::UnorderedElementsAre("it came up", "noise"));
  const auto output = (folder_ / "results/built/d@a").string();
  EXPECT_THAT(read_file(folder_ / "loads").value(),
              HasSubstr("--quick " + output + " 6.1.1-a " + root_.path().string() + "\n"));
  EXPECT_FALSE(fs::exists(output));
  EXPECT_THAT(read_file(cell.log).value(),
              testing::AllOf(testing::StartsWith("make said this"), HasSubstr("it came up")));
  EXPECT_THAT(cell.command, testing::EndsWith(" --output modules && " + (folder_ / "load").string() +
                                              " --quick modules 6.1.1-a " + root_.path().string()));
  EXPECT_EQ(read_file(folder_ / "calls").value().find("--compile-only"), std::string::npos)
      << "it has to deliver modules";
  EXPECT_TRUE(first().unchanged);
}

TEST_F(LoadTest, WhatDoesNotLoadHasFailedWithTheLastLine) {
  loader("echo first; echo 'Oops: 0000'; exit 1\n");
  const auto all = result();
  EXPECT_EQ(all.cells[0].verdict, "failed");
  EXPECT_EQ(all.cells[0].reason, "it was built and verified, but does not load: Oops: 0000");
  EXPECT_THAT(all.cells[0].hint, HasSubstr("log"));
  EXPECT_EQ(all.exit_code(), Exit::failed);
  loader("kill -9 $$\n");
  EXPECT_THAT(first().reason, HasSubstr("does not load: it printed nothing"));
  fs::remove(folder_ / "load");
  EXPECT_THAT(first().reason, HasSubstr("cannot be loaded: "));
  loader("echo booting; sleep 600\n");
  matrix("deadline: 2s\n", ", loads: [./load]");
  EXPECT_THAT(first().reason, HasSubstr("still being loaded at the cell's deadline: booting"));
}

TEST_F(LoadTest, WhereItCannotBeLoadedItStaysVerifiedAndIsTriedAgain) {
  loader("echo 'there is no QEMU here'; exit 3\n");
  const auto cell = first();
  EXPECT_EQ(cell.verdict, "verified");
  EXPECT_EQ(cell.reason, "not loaded, that is not possible here: there is no QEMU here");
  loader("exit 0\n");
  const auto later = first();
  EXPECT_EQ(later.verdict, "loads");
  EXPECT_FALSE(later.unchanged);
  EXPECT_EQ(later.inputs, cell.inputs) << "so that results of two machines can be joined";
  matrix("", ", loads: [./load, --thorough]");
  EXPECT_FALSE(first().unchanged);
  matrix("");
  const auto built = first();
  EXPECT_EQ(built.verdict, "verified");
  EXPECT_NE(built.inputs, cell.inputs);
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

TEST_F(RunTest, RecipesThatNothingNeedsAreDeadWeight) {
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
