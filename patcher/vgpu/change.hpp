// What the files share that change vGPUs: vgpu_change.cpp, vgpu_define.cpp, vgpu_apply.cpp.
#pragma once

#include "vgpu/sysfs_errors.hpp"
#include "vgpu/vgpu_change.hpp"

namespace vgpukit::vgpu {

// Error: missing for who is not root, unless the root folder is theirs.
Status need_root(const HostPaths& host, const std::string& tried);
Result<FileLock> lock_vgpus(const VgpuTools& tools);
// The parent and the type's id that a wish comes to; the name is left empty. Error: usage for what is not there, failed
// for a full card.
Result<VgpuStep> choose_parent(const VgpuView& view, const VgpuRequest& request, InstanceBudget& budget);
// Makes it, with its attributes, or leaves nothing behind.
Status start_vgpu(const VgpuTools& tools, const VgpuView& view, const VgpuStep& step);
Status stop_vgpu(const VgpuTools& tools, const VgpuStep& step);

}  // namespace vgpukit::vgpu
