// What has to be done so that the vGPUs that are defined exist. Nothing here changes anything.
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
  std::vector<std::pair<std::string, std::string>> attributes;
};

struct CardPlan {
  std::string card;  // its address, or how the definition calls it where there is no such card
  bool needs_functions = false;
  std::vector<VgpuStep> create;
  std::vector<VgpuStep> existing;
  std::vector<std::string> problems;  // where there is one, nothing is done on this card
};

struct VgpuPlan {
  std::vector<CardPlan> cards;
  std::vector<std::string> undefined;  // vGPUs that exist and are not defined: they are left alone
};

// How much room the parents have, while vGPUs are handed out one after the other.
class InstanceBudget {
 public:
  explicit InstanceBudget(const VgpuView& view) : parents_(view.parents) {}
  // The parent with that name, or the first of the card, that has room for the type; it then has that much less.
  // Nothing when full.
  const VgpuParent* take(const std::string& card, const std::string& parent, const std::string& type);
  // Nothing may be made there any more.
  void close(const std::string& parent);

 private:
  std::vector<VgpuParent> parents_;
};

VgpuPlan plan_vgpus(const Sysfs& sysfs, const VgpuView& view, const std::vector<VgpuDefinition>& definitions);

}  // namespace vgpukit::vgpu
