#include "matrix/cell_load.hpp"

#include "matrix/run_fixture.hpp"

namespace vgpukit::matrix {
namespace {

using testing::HasSubstr;

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
  EXPECT_EQ(cell.verdict, Verdict::loads) << cell.reason;
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

TEST_F(LoadTest, AProgramUnderWorksGivesTheVerdictWorks) {
  loader("echo used it\n");
  const auto loads = first();
  matrix("", ", works: [./load, --quick]");
  const auto works = first();
  EXPECT_EQ(works.verdict, Verdict::works) << works.reason;
  EXPECT_FALSE(works.unchanged) << "that it loads does not show that it works";
  EXPECT_NE(works.inputs, loads.inputs);
  EXPECT_TRUE(first().unchanged);
  loader("echo 'kernel BUG at mm/memory.c'; exit 1\n");
  matrix("deadline: 20m\n", ", works: [./load, --more]");
  EXPECT_EQ(first().reason, "it was built and verified, but does not work: kernel BUG at mm/memory.c");
}

TEST_F(LoadTest, WhatDoesNotLoadHasFailedWithTheLastLine) {
  loader("echo first; echo 'Oops: 0000'; exit 1\n");
  const auto all = result();
  EXPECT_EQ(all.cells[0].verdict, Verdict::failed);
  EXPECT_EQ(all.cells[0].reason, "it was built and verified, but does not load: Oops: 0000");
  EXPECT_THAT(all.cells[0].hint, HasSubstr("log"));
  EXPECT_EQ(all.outcome(), MatrixOutcome::failed);
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
  EXPECT_EQ(cell.verdict, Verdict::verified);
  EXPECT_EQ(cell.reason, "not loaded, because that is not possible on this machine: there is no QEMU here");
  loader("exit 0\n");
  const auto later = first();
  EXPECT_EQ(later.verdict, Verdict::loads);
  EXPECT_FALSE(later.unchanged);
  EXPECT_EQ(later.inputs, cell.inputs) << "so that results of two machines can be joined";
  matrix("", ", loads: [./load, --thorough]");
  EXPECT_FALSE(first().unchanged);
  matrix("");
  const auto built = first();
  EXPECT_EQ(built.verdict, Verdict::verified);
  EXPECT_NE(built.inputs, cell.inputs);
}

}  // namespace
}  // namespace vgpukit::matrix
