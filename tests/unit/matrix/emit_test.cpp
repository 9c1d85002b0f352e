#include "matrix/emit.hpp"

#include "matrix/matrix_fixtures.hpp"

namespace vgpukit::matrix {
namespace {

TEST(Emit, PartsAreTheShardsOfTheSameCells) {
  const auto file = test::matrix_of(
      "drivers: [{name: a, driver: ./a}, {name: b, driver: ./b}, {name: c, driver: ./c}]\n"
      "kernels: [{name: x, root: ./x, kernel: '6.1'}, {name: y, root: ./y, kernel: '6.1'}]\n",
      "/nowhere");
  const auto host = HostPaths::of_this_machine("/");
  ASSERT_TRUE(host);
  const auto made = make_grid(file, *host);
  ASSERT_TRUE(made);
  const auto& grid = *made;
  const auto parts = parts_of(grid, 4);
  ASSERT_EQ(parts.size(), 4U);
  EXPECT_EQ(parts[1].name, "a on y and 1 more");
  EXPECT_EQ(parts[2].name, "b on x");
  for (const auto& part : parts) {
    auto share = grid;
    select_cells(share, "", *Shard::parse(part.shard));
    EXPECT_TRUE(part.name.starts_with(share.label(share.cells.front()))) << part.name;
    EXPECT_EQ(part.name.ends_with(" more"), share.cells.size() > 1) << part.name;
  }
  EXPECT_EQ(parts_of(grid, 100).size(), 6U);
}

}  // namespace
}  // namespace vgpukit::matrix
