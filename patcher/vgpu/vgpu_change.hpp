// Everything that changes vGPUs or their definitions. Each asks for root first, and holds one lock, so that two of them
// at once come one after the other.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "support/atomic_file.hpp"
#include "vgpu/vgpu_plan.hpp"
#include "vgpu/virtual_functions.hpp"

namespace vgpukit::vgpu {

// The name of a vGPU, a UUID or an address, in the kernel's form. Error: usage.
Result<std::string> vgpu_name(const std::string& word);

struct VgpuTools {
  const HostPaths& host;
  Sysfs& sysfs;
  std::function<RetryPause()> retry_pause;  // a new one for each card: how long its virtual functions may take
  std::function<void()> on_wait;            // called once when another vgpukit holds the lock
};

// What create and define are asked for.
struct VgpuRequest {
  std::string type;
  std::string card;  // empty: the first with room
  std::string uuid;  // empty: a new one
  bool automatic = true;
};

Result<VgpuStep> create_vgpu(const VgpuTools& tools, const VgpuRequest& request);

// `name`: a UUID or a virtual function's address. Error: failed where a process has it open, with the virtual machine's
// name.
Result<Vgpu> remove_vgpu(const VgpuTools& tools, const std::string& name);

// Writes down a vGPU that need not exist: mdevctl's file for a mediated device, vgpus.yaml for a virtual function.
// `running`: instead of a wish, the UUID or function of a vGPU that exists.
struct Defined {
  VgpuStep step;
  fs::path file;
};
Result<Defined> define_vgpu(const VgpuTools& tools, const VgpuRequest& request, const std::string& running = "");
// Takes the definition away, from both places where both hold it for the same card; the vGPU itself stays. `card`:
// where there are definitions of that UUID for several. Gives the files.
Result<std::vector<fs::path>> undefine_vgpu(const VgpuTools& tools, const std::string& name, const std::string& card);

// What apply did on each card of the plan, in that order.
struct CardOutcome {
  bool made_functions = false;
  std::vector<VgpuStep> created;
  std::optional<Error> error;  // then everything that it had made on this card is removed again
};
struct AppliedVgpus {
  bool dry_run = false;
  VgpuPlan plan;
  std::vector<CardOutcome> outcomes;  // empty after a dry run
  std::vector<Error> bad;             // definitions that cannot be read, or written for mdevctl
  [[nodiscard]] bool complete() const;
};
Result<AppliedVgpus> apply_vgpus(const VgpuTools& tools, bool dry_run);

}  // namespace vgpukit::vgpu
