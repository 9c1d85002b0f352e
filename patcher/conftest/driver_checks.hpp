// The driver's own refusals: the sanity checks of its conftest.sh, which its build runs before it compiles anything.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "kernel/facts.hpp"
#include "support/result.hpp"
#include "transform/source_tree.hpp"

namespace vgpukit::conftest {

// A check that refuses this kernel.
struct DriverCheck {
  std::string check;  // the verb of conftest.sh: "preempt_rt_sanity_check"
  std::string says;   // the driver's own words, in one line
  std::string means;  // a sentence for users
  std::string next;   // what can be done
  // The name for --accept, and the variable that is then set. Empty if the driver's build cannot be told to go on.
  std::string notice, variable;
  bool accepted = false;
};

// Runs the checks of the tree's conftest.sh for this kernel, inside its root, as make would. Gives those that refuse,
// accepted ones too. Nothing for a driver without conftest.sh, and if no shell can be run: make then reports the
// reason. What the script printed is cached with the kernel's fingerprint. Error: interrupted.
Result<std::vector<DriverCheck>> run_driver_checks(kernel::Facts& facts, const transform::SourceTree& tree,
                                                   const std::set<std::string>& accepted);

// Whether a check needs consent, and whether one refuses that nothing can ignore.
bool needs_consent(const std::vector<DriverCheck>& checks);
bool refuses(const std::vector<DriverCheck>& checks);

// What run_driver_checks() reads: a line "@ CHECK", its output, and a line "= STATUS". `script`: conftest.sh. For
// tests.
std::vector<DriverCheck> read_driver_checks(std::string_view output, std::string_view script,
                                            const std::set<std::string>& accepted);

}  // namespace vgpukit::conftest
