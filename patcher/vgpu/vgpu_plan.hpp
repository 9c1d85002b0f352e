// The steps that make all defined vGPUs exist. Planning changes nothing.
#pragma once

#include <string>
#include <vector>

#include "vgpu/definitions.hpp"
#include "vgpu/vgpu.hpp"

namespace vgpukit::vgpu {

// One vGPU to make.
struct VgpuStep {
  VgpuInterface interface = VgpuInterface::mdev;
  std::string parent;
  std::string type;  // the id
  std::string name;  // the UUID, or the function's address (which is the parent)
  Attributes attributes;
  bool automatic = false;  // it is defined, to be made at boot
};

// What nvidia-smi has to do on a card before its vGPUs are made, in this order (card_modes.hpp).
struct ModeSteps {
  bool mig = false;                         // switch MIG mode on; before the virtual functions
  std::vector<GpuInstances> gpu_instances;  // all that are wanted, if one is missing
  bool mixed = false;                       // switch mixed sizes on
  [[nodiscard]] bool any() const { return mig || mixed || !gpu_instances.empty(); }
};

struct CardPlan {
  std::string card;  // its address; if there is no such card, its name in the definition
  bool needs_functions = false;
  ModeSteps modes;
  std::vector<VgpuStep> create;
  std::vector<VgpuStep> existing;
  std::vector<std::string> problems;  // if there is one, nothing is done on this card
};

struct VgpuPlan {
  std::vector<CardPlan> cards;
  std::vector<std::string> undefined;  // vGPUs that exist and are not defined: they are not changed
};

// The available instances of the parents, while vGPUs are assigned to them one after the other.
class InstanceBudget {
 public:
  explicit InstanceBudget(const VgpuView& view) : parents_(view.parents) {}
  // Takes an instance of the type from the parent with that name, or from the first parent of the card that has one.
  // Null if none is available.
  const VgpuParent* take(const std::string& card, const std::string& parent, const std::string& type);
  // Sets the parent's available instances to 0.
  void close(const std::string& parent);

 private:
  std::vector<VgpuParent> parents_;
};

// The view as it would be without these vGPUs. The driver does not tell what it would then offer: of a card without any
// vGPU all types count as available.
VgpuView view_without(VgpuView view, const std::vector<VgpuStep>& removed);

VgpuPlan plan_vgpus(const Sysfs& sysfs, const VgpuView& view, const std::vector<VgpuDefinition>& definitions);

}  // namespace vgpukit::vgpu
