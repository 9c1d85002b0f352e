// Makes and removes vGPUs. These functions need root. They hold one lock, so that only one vgpukit changes vGPUs at a
// time.
#pragma once

#include <functional>
#include <string>

#include "support/atomic_file.hpp"
#include "vgpu/callouts.hpp"
#include "vgpu/vgpu_plan.hpp"
#include "vgpu/virtual_functions.hpp"

namespace vgpukit::vgpu {

// For need_root().
inline constexpr const char* root_hint = "run it with sudo; vgpu list and types need no root";

struct VgpuTools {
  const HostPaths& host;
  Sysfs& sysfs;
  std::function<RetryPause()> retry_pause;  // a new one for each card: how long its virtual functions may take
  std::function<void()> on_wait;            // called once if another vgpukit holds the lock
  RunProgram run = vgpukit::run;            // mdevctl's scripts
};

// What create and define are asked for.
struct VgpuRequest {
  std::string type;
  std::string card;  // empty: the first with an available instance
  std::string uuid;  // empty: a new one
  bool automatic = true;
  SettingsChange settings = {};
};

// The name of a vGPU, a UUID or an address, in the kernel's form. Error: usage.
Result<std::string> vgpu_name(const std::string& word);

Result<VgpuStep> create_vgpu(const VgpuTools& tools, const VgpuRequest& request);

// `name`: a UUID or a virtual function's address. Error: failed if a process has it open, with the virtual machine's
// name.
Result<Vgpu> remove_vgpu(const VgpuTools& tools, const std::string& name);

// Error: failed, if none of the cards of the request offers types, with the reason.
Status require_types(const VgpuTools& tools, const VgpuView& view, const VgpuRequest& request);
Result<FileLock> lock_vgpus(const VgpuTools& tools);
// The parent and the type's id for a request; the step's name is left empty. Errors: usage for an unknown card or type,
// failed for a full card.
Result<VgpuStep> choose_parent(const VgpuView& view, const VgpuRequest& request, InstanceBudget& budget);
// Makes the vGPU with its attributes, and calls mdevctl's scripts. After an error no vGPU is left. Error::number is the
// errno of the driver.
Status start_vgpu(const VgpuTools& tools, const VgpuView& view, const VgpuStep& step);
Status stop_vgpu(const VgpuTools& tools, const VgpuStep& step);

}  // namespace vgpukit::vgpu
