// Drafts recipes from a kernel commit: declarations that it removes or changes, and the changes of their callers.
#pragma once

#include <string>
#include <vector>

#include "authoring/draft.hpp"
#include "authoring/kernel_commit.hpp"
#include "diagnostics/declarations.hpp"
#include "support/result.hpp"
#include "transform/recognise.hpp"

namespace vgpukit::authoring {

struct CommitDrafts {
  std::vector<Draft> drafts;
  std::vector<std::string> moved;  // to another header: "timer_setup: linux/timer.h -> linux/timer_types.h"
};

// Error: usage if nothing that a module uses is removed or changed, or if the diff cannot be read (binary files).
Result<CommitDrafts> draft_from_commit(const KernelCommit& commit);

// What the commit changes in users of a name.
struct CallerChange {
  transform::RecognisedStep step;     // with the kernel's files
  std::vector<std::string> includes;  // headers that all these files include in addition: "linux/clock.h"
};
// The change of the most files first. Changes whose arguments only their own callers have are left out. Empty if the
// diff cannot be read.
std::vector<CallerChange> changes_of_callers(const KernelCommit& commit, const std::string& name);
// The headers that the commit includes in place of a header, the one of the most files first, with the number of files.
std::vector<std::pair<std::string, std::size_t>> includes_instead_of(const KernelCommit& commit,
                                                                     const std::string& header);

// Whether users of the one can use the other: functions with the same types, macros with as many parameters.
bool same_for_users(const diagnostics::Declaration& one, const diagnostics::Declaration& other);

// The recipe's line about the commit: a comment if no release is known.
std::string upstream_line(const KernelCommit& commit);

}  // namespace vgpukit::authoring
