#include "vgpu/vgpu_plan.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "vgpu/vgpu_list.hpp"

namespace vgpukit::vgpu {

namespace {

class Planner {
 public:
  Planner(const Sysfs& sysfs, const VgpuView& view) : sysfs_(sysfs), view_(view), budget_(view) {}

  VgpuPlan plan(const std::vector<VgpuDefinition>& definitions) {
    // Existing vGPUs come first, then those with a certain parent, then those that fit on any parent.
    std::vector<std::pair<const VgpuDefinition*, const VgpuType*>> anywhere;
    for (const auto& each : definitions) {
      const auto place = place_of(each);
      if (!place) {
        const auto unknown = find_place(view_, each.card).error();
        if (wanted(each)) plan_of(each.card).problems.push_back(of(each) + unknown.why + "; " + unknown.next);
        continue;
      }
      const auto* card = view_.card(place->card);
      if (card->interface == VgpuInterface::none) {
        if (!wanted(each)) continue;
        auto& plan = plan_of(place->card);
        if (card->most_functions > 0 && card->functions == 0)
          plan.needs_functions = true;
        else
          plan.problems.push_back(of(each) + "the card offers no vGPU types");
        continue;
      }
      const auto type = find_type(*card, each.type);
      const auto* known = type ? *type : nullptr;
      if (existing(each, *place, known)) continue;
      if (!wanted(each)) continue;
      if (!known && !(each.counted && card->interface == VgpuInterface::vendor_vfio))
        plan_of(place->card).problems.push_back(of(each) + unknown_type(type.error(), each.type));
      else if (card->interface == VgpuInterface::vendor_vfio && each.counted)
        anywhere.emplace_back(&each, known);
      else
        make(each, *place, *known);
    }
    for (const auto& [each, type] : anywhere) any_function(*each, type);
    for (auto& [card, plan] : cards_) {
      // Each vGPU of a count has the same problem.
      plan.problems.erase(std::unique(plan.problems.begin(), plan.problems.end()), plan.problems.end());
      plan_.cards.push_back(std::move(plan));
    }
    for (const auto& device : view_.devices)
      if (!claimed_.contains(device.name)) plan_.undefined.push_back(device.name);
    return std::move(plan_);
  }

 private:
  static bool wanted(const VgpuDefinition& each) { return each.automatic; }
  static std::string unknown_type(const Error& error, const std::string& type) {
    const auto hint = mig_hint(type);
    return error.why + "; " + (hint.empty() ? error.next : hint);
  }
  static std::string of(const VgpuDefinition& each) { return (each.counted ? each.type : each.name) + ": "; }

  CardPlan& plan_of(const std::string& card) {
    auto& plan = cards_[card];
    plan.card = card;
    return plan;
  }

  // A virtual function that does not exist yet belongs to the card that would make it.
  std::optional<VgpuPlace> place_of(const VgpuDefinition& each) {
    if (auto place = find_place(view_, each.card)) return *place;
    if (!pci_address(each.card)) return std::nullopt;
    if (!to_come_) {
      to_come_.emplace();
      for (const auto& card : view_.cards)
        for (unsigned i = 0; card.functions == 0 && i < card.most_functions; ++i)
          if (const auto function = function_address(sysfs_, card.address, i))
            to_come_->emplace(*function, card.address);
    }
    const auto card = to_come_->find(each.card);
    if (card == to_come_->end()) return std::nullopt;
    return VgpuPlace{card->second, each.card};
  }

  static VgpuStep step(const VgpuDefinition& each, VgpuInterface interface, const std::string& parent,
                       const std::string& type, const std::string& name) {
    return {interface, parent, type, name, each.attributes, each.automatic};
  }

  // True if a vGPU of that name exists, whether or not it matches the definition. If it does not, that is a problem.
  bool existing(const VgpuDefinition& each, const VgpuPlace& place, const VgpuType* type) {
    const auto* device = view_.device(each.name);
    if (!device) return false;
    const auto interface = device->interface;
    const bool here = device->card == place.card && (place.parent.empty() || device->parent == place.parent);
    if (here && is_of(*device, each, type)) {
      // vgpus.yaml and mdevctl may both define this vGPU.
      if (claimed_.insert(device->name).second)
        plan_of(place.card).existing.push_back(step(each, interface, device->parent, device->type, device->name));
      return true;
    }
    if (wanted(each))
      plan_of(place.card)
          .problems.push_back(of(each) + "it exists as " + device->type + " on " + device->parent +
                              "; remove it first: vgpukit vgpu remove " + device->name);
    return true;
  }

  // Whether the device has the type of the definition. On a full card with vendor VFIO the name of the type may be
  // unknown; then a definition by name counts as a match.
  [[nodiscard]] bool is_of(const Vgpu& device, const VgpuDefinition& each, const VgpuType* type) const {
    if (type) return device.type == type->id;
    if (device.interface != VgpuInterface::vendor_vfio || each.type.starts_with("nvidia-")) return false;
    const auto& types = view_.card(device.card)->types;
    const auto own = types.find(device.type);
    return own == types.end() || own->second.name.empty();
  }

  // Whether the plan has the same vGPU already: vgpus.yaml and mdevctl may both define it.
  static bool join(CardPlan& plan, const VgpuDefinition& each, const VgpuPlace& place, const VgpuType& type) {
    const auto twin = std::find_if(plan.create.begin(), plan.create.end(), [&](const VgpuStep& step) {
      return step.name == each.name && step.type == type.id && (place.parent.empty() || step.parent == place.parent);
    });
    if (twin == plan.create.end()) return false;
    if (twin->attributes.empty()) twin->attributes = each.attributes;
    return true;
  }

  void make(const VgpuDefinition& each, const VgpuPlace& place, const VgpuType& type) {
    auto& plan = plan_of(place.card);
    const auto* card = view_.card(place.card);
    const bool function = card->interface == VgpuInterface::vendor_vfio;
    if (function != pci_address(each.name).has_value()) {
      plan.problems.push_back(
          of(each) + (function ? "the card has vendor VFIO, where vGPUs have no UUID: give functions or a count"
                               : "the card has mdev, where vGPUs have a UUID: give uuids or a count"));
      return;
    }
    if (join(plan, each, place, type)) return;
    if (!claimed_.insert(each.name).second) {
      plan.problems.push_back(of(each) +
                              "it is defined twice, in different ways; vgpukit vgpu list --defined shows both");
      return;
    }
    const auto* parent = budget_.take(place.card, function ? each.name : place.parent, type.id);
    if (!parent) {
      const auto hint = mig_hint(type.name);
      const auto why = hint.empty() ? other_size(view_, *card, type) : hint;
      plan.problems.push_back(of(each) + "no instance of " + type.id +
                              (type.name.empty() ? "" : " (" + type.name + ")") + " is available" +
                              (why.empty() ? "" : ": " + why));
    } else
      plan.create.push_back(step(each, card->interface, parent->name, type.id, function ? parent->name : each.name));
  }

  void any_function(const VgpuDefinition& each, const VgpuType* type) {
    const auto card = find_place(view_, each.card)->card;
    auto& plan = plan_of(card);
    for (const auto& device : view_.devices) {
      if (device.card != card || !is_of(device, each, type) || claimed_.contains(device.name)) continue;
      claimed_.insert(device.name);
      plan.existing.push_back(step(each, device.interface, device.parent, device.type, device.name));
      return;
    }
    if (!type) {
      const auto unknown = find_type(*view_.card(card), each.type).error();
      plan.problems.push_back(of(each) + unknown_type(unknown, each.type));
      return;
    }
    const auto* parent = budget_.take(card, "", type->id);
    if (parent)
      plan.create.push_back(step(each, VgpuInterface::vendor_vfio, parent->name, type->id, parent->name));
    else
      plan.problems.push_back(of(each) + "no virtual function has an available instance of " + type->id);
  }

  const Sysfs& sysfs_;
  const VgpuView& view_;
  InstanceBudget budget_;
  VgpuPlan plan_;
  std::map<std::string, CardPlan> cards_;
  std::set<std::string> claimed_;
  // Virtual functions that are not made yet, and their cards.
  std::optional<std::map<std::string, std::string>> to_come_;
};

}  // namespace

const VgpuParent* InstanceBudget::take(const std::string& card, const std::string& parent, const std::string& type) {
  for (auto& each : parents_) {
    if (each.card != card || (!parent.empty() && each.name != parent)) continue;
    const auto available = std::find_if(each.available_instances.begin(), each.available_instances.end(),
                                        [&](const auto& pair) { return pair.first == type; });
    if (available == each.available_instances.end() || available->second == 0) continue;
    --available->second;
    // A virtual function carries one vGPU.
    if (each.interface == VgpuInterface::vendor_vfio || each.name != each.card) close(each.name);
    return &each;
  }
  return nullptr;
}

void InstanceBudget::close(const std::string& parent) {
  for (auto& each : parents_)
    if (each.name == parent)
      for (auto& [type, free] : each.available_instances) free = 0;
}

VgpuView view_without(VgpuView view, const std::vector<VgpuStep>& removed) {
  for (const auto& step : removed)
    std::erase_if(view.devices, [&](const Vgpu& device) { return device.name == step.name; });
  for (const auto& step : removed) {
    const auto parent = std::find_if(view.parents.begin(), view.parents.end(),
                                     [&](const VgpuParent& each) { return each.name == step.parent; });
    if (parent == view.parents.end()) continue;
    const bool empty = std::none_of(view.devices.begin(), view.devices.end(),
                                    [&](const Vgpu& device) { return device.card == parent->card; });
    for (const auto& [id, type] : view.card(parent->card)->types) {
      if (!empty && id != step.type) continue;
      auto& all = parent->available_instances;
      auto available = std::find_if(all.begin(), all.end(), [id = id](const auto& pair) { return pair.first == id; });
      if (available == all.end()) available = all.emplace(all.end(), id, 0);
      if (parent->name != parent->card)
        available->second = 1;  // a virtual function carries one vGPU
      else
        available->second = empty && type.max_instances ? *type.max_instances : available->second + 1;
    }
  }
  return view;
}

VgpuPlan plan_vgpus(const Sysfs& sysfs, const VgpuView& view, const std::vector<VgpuDefinition>& definitions) {
  return Planner(sysfs, view).plan(definitions);
}

}  // namespace vgpukit::vgpu
