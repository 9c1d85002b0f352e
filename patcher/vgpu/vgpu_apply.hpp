// Makes the vGPUs that are defined.
#pragma once

#include <optional>
#include <vector>

#include "vgpu/vgpu_change.hpp"

namespace vgpukit::vgpu {

// What apply did on each card of the plan, in that order.
struct CardOutcome {
  bool made_functions = false;
  std::vector<VgpuStep> created;
  std::optional<Error> error;  // then everything that apply had made on this card is removed again
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
