// Draft recipes from a commit of the kernel: what its headers declare no longer or otherwise, and what it did to its
// own callers.
#pragma once

#include <string>
#include <vector>

#include "authoring/draft.hpp"
#include "authoring/kernel_commit.hpp"
#include "support/result.hpp"

namespace vgpukit::authoring {

struct CommitDrafts {
  std::vector<Draft> drafts;
  std::vector<std::string>
      moved;  // names that are only in another header now: "timer_setup: linux/timer.h -> linux/timer_types.h"
};

// Error: usage - nothing that a module can see has gone or changed; a diff that cannot be read (binary files).
Result<CommitDrafts> draft_from_commit(const KernelCommit& commit);

}  // namespace vgpukit::authoring
