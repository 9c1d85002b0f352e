// Somebody's patch as a draft recipe: structural transforms where one does what a hunk does, the diff itself where none
// does, and the condition that the kernels' headers on this machine show.
#pragma once

#include <string>
#include <vector>

#include "kernel/kernel_headers.hpp"
#include "support/result.hpp"

namespace vgpukit::authoring {

struct ImportedPatch {
  std::string id;
  std::string text;                // YAML: id.yaml
  std::string patch;               // patches/id.patch: the hunks that are no transform; may be empty
  std::vector<std::string> steps;  // "rename-call del_timer_sync -> timer_delete_sync in nvidia/nv.c"
  std::string condition;  // "lacks declaration del_timer_sync linux/timer.h"; empty: nobody knows, and it applies to
                          // nothing yet
};

// `name`: the file's. `headers`: list_headers(); `release`: the kernel that the patch is for; empty: the newest of
// `headers`. Error: usage - no unified diff.
Result<ImportedPatch> import_patch(const std::string& diff, const std::string& name,
                                   const std::vector<kernel::KernelHeaders>& headers, const std::string& release);

}  // namespace vgpukit::authoring
