#include "matrix/grid.hpp"

#include <set>

#include "matrix/matrix_fixtures.hpp"

namespace vgpukit::matrix {
namespace {

using testing::HasSubstr;

class GridTest : public testing::Test {
 protected:
  HostPaths machine() {
    HostPaths host;
    host.root = folder_ / "no-kernels";
    fs::create_directories(host.root);
    host.cache = folder_ / "cache";
    host.state = folder_ / "state";
    return host;
  }
  Grid grid(const std::string& yaml) {
    file_ = test::matrix_of(yaml, folder_.path());
    auto grid = make_grid(file_, machine());
    EXPECT_TRUE(grid) << grid.error().message();
    return grid ? *grid : Grid{};
  }
  std::vector<std::string> labels(const Grid& of) {
    std::vector<std::string> all;
    for (const auto& cell : of.cells) all.push_back(of.label(cell));
    return all;
  }
  std::string kernel_in_root(const std::string& word) {
    return "drivers: [reference]\nkernels:\n  - {name: k, root: " + root_.path().string() + ", kernel: \"" + word +
           "\"}\n";
  }

  test::TempFolder folder_;
  test::InstallRoot root_;
  MatrixFile file_;
};

TEST_F(GridTest, AKernelIsFoundByTheStartOrTheEndOfItsRelease) {
  for (const char* release : {"6.1.0-50-amd64", "6.1.0-56-amd64", "6.1.0-56-rt-amd64", "6.12.95-amd64"})
    root_.kernel(release);
  EXPECT_EQ(grid(kernel_in_root("6.1")).columns[0].release,
            "6.1.0-56-amd64");  // not 6.12, not the older, not another flavour
  EXPECT_EQ(grid(kernel_in_root("6.1.0-50-amd64")).columns[0].release, "6.1.0-50-amd64");
  EXPECT_EQ(grid(kernel_in_root("6.12")).columns[0].release, "6.12.95-amd64");
  EXPECT_EQ(grid(kernel_in_root("*-rt-amd64")).columns[0].release, "6.1.0-56-rt-amd64");
  EXPECT_EQ(grid(kernel_in_root("newest")).columns[0].release, "");  // no kernel can be built for without a compiler
  const auto none = grid(kernel_in_root("6.2"));
  ASSERT_TRUE(none.columns[0].problem);
  EXPECT_EQ(none.columns[0].problem->kind, ErrorKind::missing);
  EXPECT_THAT(none.columns[0].problem->why, HasSubstr("6.1.0-56-amd64"));
}

TEST_F(GridTest, AllIsAColumnForEachKernel) {
  root_.kernel("6.1.0-56-amd64");
  root_.kernel("6.12.95-amd64");
  EXPECT_EQ(labels(grid(kernel_in_root("all"))),
            (std::vector<std::string>{"reference on k-6.1.0-56-amd64", "reference on k-6.12.95-amd64"}));
}

TEST_F(GridTest, ABrokenRootIsAProblemOfItsColumnOnly) {
  root_.kernel("6.1.0-56-amd64");
  const auto both = grid(
      "drivers: [reference]\nkernels:\n  - {name: gone, root: /no/such/root, kernel: '6.1'}\n  - {name: k, root: " +
      root_.path().string() +
      ", kernel: '6.1'}\n  - {name: may-be-gone, root: /no/such/root, kernel: '6.1', optional: elsewhere}\n  - {name: "
      "dropped, root: " +
      root_.path().string() + ", kernel: '7.2', optional: the archive has dropped it}\n");
  ASSERT_EQ(both.columns.size(), 4U);
  ASSERT_TRUE(both.columns[0].problem);
  EXPECT_EQ(both.columns[0].problem->kind, ErrorKind::missing);
  EXPECT_EQ(both.columns[0].skipped, "");
  EXPECT_FALSE(both.columns[1].problem);
  EXPECT_THAT(both.columns[2].skipped, HasSubstr("elsewhere"));
  EXPECT_THAT(both.columns[3].skipped,
              testing::MatchesRegex("the archive has dropped it \\(cannot find the kernel 7.2 in .*: it has "
                                    "6.1.0-56-amd64\\)"));
}

TEST_F(GridTest, ShardsAreDisjointCompleteAndTheSameEverywhere) {
  std::string yaml = "drivers: [reference, 535, 550, 470, 580]\nkernels:\n";
  for (int i = 0; i < 7; ++i)
    yaml += "  - {name: k" + std::to_string(i) + ", kernel: \"6." + std::to_string(i) + "\"}\n";
  const auto whole = labels(grid(yaml));
  ASSERT_EQ(whole.size(), 35U);
  for (const unsigned count : {1U, 2U, 4U, 35U, 40U}) {
    std::multiset<std::string> seen;
    for (unsigned index = 1; index <= count; ++index) {
      auto part = grid(yaml);
      select_cells(part, "", {index, count});
      auto again = grid(yaml);
      select_cells(again, "", {index, count});
      EXPECT_EQ(labels(part), labels(again));
      EXPECT_GE(part.cells.size(), 35 / count);
      EXPECT_LE(part.cells.size(), 35 / count + 1);
      const auto names = labels(part);
      seen.insert(names.begin(), names.end());
    }
    EXPECT_EQ(seen, std::multiset<std::string>(whole.begin(), whole.end())) << count;
  }
}

TEST_F(GridTest, ASelectionIsPartOfTheName) {
  auto some = grid("drivers: [reference, 535]\nkernels:\n  - {name: a, kernel: '6.1'}\n  - {name: b, kernel: '6.2'}\n");
  select_cells(some, "535 on b", {});
  EXPECT_EQ(labels(some), std::vector<std::string>{"535 on b"});
}

TEST(Shard, IsTwoNumbers) {
  EXPECT_EQ(Shard::parse("2/8").value().index, 2U);
  EXPECT_EQ(Shard::parse("2/8").value().count, 8U);
  for (const char* bad : {"", "2", "0/8", "9/8", "1/0", "a/b", "1/2/3", "1/2x", "-1/2", "/2", "1/"}) {
    const auto shard = Shard::parse(bad);
    ASSERT_FALSE(shard) << bad;
    EXPECT_EQ(shard.error().kind, ErrorKind::usage);
  }
}

TEST_F(GridTest, AStarInADriversPathIsOneFile) {
  test::put(folder_ / "d/a-1.tar.xz", "");
  MatrixDriver driver;
  driver.name = "a";
  driver.word = (folder_ / "d/a-*.tar.xz").string();
  EXPECT_EQ(driver_path(driver, machine()).value(), (folder_ / "d/a-1.tar.xz").string());
  test::put(folder_ / "d/a-2.tar.xz", "");
  EXPECT_EQ(driver_path(driver, machine()).error().kind, ErrorKind::usage);
  driver.word = (folder_ / "d/b-*").string();
  EXPECT_EQ(driver_path(driver, machine()).error().kind, ErrorKind::missing);
  driver.word = "reference";
  EXPECT_EQ(driver_path(driver, machine()).value(), "reference");
  driver.source.absent = "the environment variable X is not set";
  EXPECT_EQ(driver_path(driver, machine()).error().why, driver.source.absent);
}

TEST_F(GridTest, AStoredDriverIsMissingUntilItIsAdded) {
  MatrixDriver driver;
  driver.name = driver.word = "535";
  EXPECT_EQ(driver_path(driver, machine()).error().kind, ErrorKind::missing);
  test::put(folder_ / "state/drivers/535.1-general/package.json", "no JSON");
  EXPECT_EQ(driver_path(driver, machine()).error().kind, ErrorKind::usage)
      << "a damaged store is not a driver to be fetched";
}

TEST_F(GridTest, AKernelThatIsNamedTwiceIsOneColumn) {
  root_.kernel("6.1.0-56-amd64");
  root_.kernel("6.12.95-amd64");
  const auto entries = [&](const std::string& first, const std::string& other) {
    return "drivers: [reference]\nkernels:\n  - {name: 6.1.0-56-amd64, kernel: 6.1.0-56-amd64, root: " + first +
           "}\n  - {name: all, kernel: all, root: " + other + "}\n";
  };
  const auto root = root_.path().string();
  EXPECT_EQ(labels(grid(entries(root, root))),
            (std::vector<std::string>{"reference on 6.1.0-56-amd64", "reference on 6.12.95-amd64"}));
  test::InstallRoot second;
  second.kernel("6.1.0-56-amd64");
  file_ = test::matrix_of(entries(root, second.path().string()), folder_.path());
  const auto both = make_grid(file_, machine());
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().kind, ErrorKind::usage);
  EXPECT_THAT(both.error().why, testing::AllOf(HasSubstr(root), HasSubstr(second.path().string())));
}

TEST_F(GridTest, MissingSourcesAreFetchedOnceAndOnlyForCellsThatNeedThem) {
  test::put(folder_ / "fetch.sh",
            "#!/bin/sh\necho \"$1\" >> fetched\n[ \"$1\" != bad ] || { echo no network >&2; exit 1; }\n", 0755);
  test::put(folder_ / "there", "");
  auto some = grid(
      "drivers:\n"
      "  - {name: there, driver: ./there, fetch: [./fetch.sh, there]}\n"
      "  - {name: a, driver: ./a, fetch: [./fetch.sh, a]}\n"
      "  - {name: bad, driver: ./b, fetch: [./fetch.sh, bad]}\n"
      "  - {name: never, driver: ./n, fetch: [./fetch.sh, never]}\n"
      "  - {name: other, driver: ./c, fetch: [./fetch.sh, other]}\n"
      "kernels:\n"
      "  - {name: x, root: ./root, kernel: '6.1', fetch: [./fetch.sh, root]}\n"
      "  - {name: y, root: ./root, kernel: '6.2', fetch: [./fetch.sh, root]}\n"
      "unsupported:\n"
      "  - {driver: never, kernel: '*', reason: no source}\n");
  some.cells.erase(some.cells.begin() + 8, some.cells.end());
  std::vector<std::string> problems;
  std::vector<std::string> said;
  const auto say = [&](const std::string& command) { said.push_back(command); };
  EXPECT_EQ(fetch_sources(some, machine(), test::no_environment(), say, problems).value(), 3U);
  ASSERT_EQ(said.size(), 3U);
  EXPECT_THAT(said[2], HasSubstr("fetch.sh bad"));
  EXPECT_EQ(read_file(folder_ / "fetched").value(), "root\na\nbad\n");
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0], testing::AllOf(HasSubstr("fetch.sh bad"), HasSubstr("status 1"), HasSubstr("no network")));
}

}  // namespace
}  // namespace vgpukit::matrix
