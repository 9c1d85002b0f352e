// Makes a draft recipe of a patch: structural transforms for hunks that they describe, the diff for the other hunks,
// and the condition that the kernel headers of this machine show.
#pragma once

#include <string>
#include <vector>

#include "kernel/kernel_headers.hpp"
#include "support/result.hpp"

namespace vgpukit::authoring {

struct ImportedPatch {
  std::string id;
  std::string text;                // YAML: id.yaml
  std::string patch;               // patches/id.patch: the hunks that no transform describes; may be empty
  std::vector<std::string> steps;  // "rename-call del_timer_sync -> timer_delete_sync in nvidia/nv.c"
  std::string condition;           // "lacks declaration del_timer_sync linux/timer.h"; empty: not known, the recipe
                                   // applies to nothing
};

// `name`: the name of the patch file. `headers`: list_headers(). `release`: the kernel of the patch; empty: the newest
// of `headers`. Error: usage if it is not a unified diff.
Result<ImportedPatch> import_patch(const std::string& diff, const std::string& name,
                                   const std::vector<kernel::KernelHeaders>& headers, const std::string& release);

}  // namespace vgpukit::authoring
