// Hashes of the inputs of a cell. An earlier result is valid while they are the same.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "kernel/facts.hpp"
#include "matrix/matrix_result.hpp"
#include "recipe/catalogue.hpp"
#include "support/result.hpp"

namespace vgpukit::matrix {

struct CellRequest {
  const driver::Driver* driver = nullptr;
  const recipe::Catalogue* catalogue = nullptr;
  std::set<std::string> accepted;
  std::vector<std::string> modules;
  bool compile_only = false;
  std::vector<std::string> loads;   // as MatrixDriver::loads
  Verdict loaded = Verdict::loads;  // as MatrixDriver::loaded
  std::string image;                // the ID of the container image in which it is built
};

// A hash of driver, headers, compiler, container image, options, version of vgpukit and all recipes. Calls stat() for
// each header if nothing has changed. Error: as Facts::fingerprint().
Result<std::string> inputs_of_cell(kernel::Facts& facts, const CellRequest& request);

struct CellTree {
  std::string hash;  // as inputs_of_cell(), but with the result of the plan instead of all recipes
  std::string diff;  // the unified diff from the unpatched driver (a/) to the patched tree (b/); may be empty
};
// The patched tree of the cell. Makes a plan. Error: as make_plan().
Result<CellTree> tree_of_cell(kernel::Facts& facts, const CellRequest& request);

}  // namespace vgpukit::matrix
