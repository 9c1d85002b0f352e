// Makes the vGPUs that are defined.
#pragma once

#include <optional>
#include <vector>

#include "vgpu/vgpu_change.hpp"

namespace vgpukit::vgpu {

// What apply did on each card of the plan, in that order.
struct CardOutcome {
  bool made_functions = false;
  ModeSteps modes;  // that were carried out
  std::vector<VgpuStep> created;
  std::optional<Error> error;  // then everything that apply had made on this card is removed again
};
struct AppliedVgpus {
  struct NotPruned {
    std::string name, why;
  };
  bool dry_run = false;
  VgpuPlan plan;
  std::vector<CardOutcome> outcomes;  // empty after a dry run
  std::vector<Error> bad;             // definitions that cannot be read, or written for mdevctl
  std::vector<VgpuStep> pruned;       // vGPUs without a definition that were removed; in a dry run: that would be
  std::vector<NotPruned> not_pruned;  // those that stay, such as vGPUs in use
  [[nodiscard]] bool complete() const;
};
struct ApplyRequest {
  bool dry_run = false;
  bool prune = false;  // remove vGPUs that exist, are not defined and are not in use
};
Result<AppliedVgpus> apply_vgpus(const VgpuTools& tools, const ApplyRequest& request);

// Makes one vGPU as it is defined, also if it is not made at boot. `card`: which one, if the UUID is defined for
// several cards. One that exists as it is defined is left alone.
struct StartedVgpu {
  VgpuStep step;
  bool existed = false;
};
Result<StartedVgpu> start_defined(const VgpuTools& tools, const std::string& name, const std::string& card);
// Removes a vGPU that is defined and not in use; its definition stays.
Result<Vgpu> stop_defined(const VgpuTools& tools, const std::string& name);

}  // namespace vgpukit::vgpu
