// What decides on the result of a cell. While it is the same, an earlier result is as good as a new one.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "kernel/facts.hpp"
#include "recipe/catalogue.hpp"
#include "support/result.hpp"

namespace vgpukit::matrix {

struct CellRequest {
  const driver::Driver* driver = nullptr;
  const recipe::Catalogue* catalogue = nullptr;
  std::set<std::string> accepted;
  std::vector<std::string> modules;
  bool compile_only = false;
  std::vector<std::string> loads;  // as MatrixDriver::loads
  std::string image;               // the ID of the container image that it is built in
};

// Driver, headers, compiler, container image, options, this version of vgpukit, and all recipes. Costs a stat for each
// header where nothing changed. Error: as Facts::fingerprint().
Result<std::string> inputs_of_cell(kernel::Facts& facts, const CellRequest& request);

struct CellTree {
  std::string hash;  // as inputs_of_cell(), with the plan's outcome in the place of all recipes
  std::string diff;  // from the driver as it came to the tree as it would be compiled: unified, a/ and b/; empty when
                     // nothing changes
};
// The tree as it would be compiled, and what kept it from being so. Costs a plan. Error: as make_plan().
Result<CellTree> tree_of_cell(kernel::Facts& facts, const CellRequest& request);

}  // namespace vgpukit::matrix
