// Drafts recipes from a kernel commit: declarations that it removes or changes, and the changes of their callers.
#pragma once

#include <string>
#include <vector>

#include "authoring/draft.hpp"
#include "authoring/kernel_commit.hpp"
#include "support/result.hpp"

namespace vgpukit::authoring {

struct CommitDrafts {
  std::vector<Draft> drafts;
  std::vector<std::string> moved;  // to another header: "timer_setup: linux/timer.h -> linux/timer_types.h"
};

// Error: usage if nothing that a module uses is removed or changed, or if the diff cannot be read (binary files).
Result<CommitDrafts> draft_from_commit(const KernelCommit& commit);

}  // namespace vgpukit::authoring
