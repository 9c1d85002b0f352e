#include "passthrough/vfio_claim.hpp"

#include <algorithm>
#include <set>

#include "support/text.hpp"

namespace vgpukit::passthrough {

namespace {

using nlohmann::json;

// Whether the ids and the class of a device are known, which tell what it is and whether another one is the same.
bool readable(const system::PciDevice& device) {
  return std::none_of(device.unreadable.begin(), device.unreadable.end(), [](const std::string& file) {
    return file.starts_with("vendor:") || file.starts_with("device:") || file.starts_with("class:");
  });
}

bool claimed(const std::vector<const system::PciDevice*>& taken, const system::PciDevice& device) {
  return std::find(taken.begin(), taken.end(), &device) != taken.end();
}

void add_parameters(const ClaimView& view, const system::PciDevice& card, ClaimPlan& plan) {
  // The user may have typed it only into the boot menu. If the files have it already, nothing is added to them.
  const bool has_parameter = view.parameters.with("intel_iommu", "on") != nullptr;
  if (card.group) {
    plan.reasons.push_back(
        "the IOMMU is on (" + card.address + " is in group " + std::to_string(*card.group) + ")" +
        (has_parameter ? ", because the running kernel has intel_iommu=on" : ": it needs no kernel parameter"));
    if (has_parameter) plan.claim.parameters = {"intel_iommu=on"};
  } else if (system::iommu_parameters(view.cpuinfo).empty()) {
    plan.warnings.emplace_back(
        "the IOMMU is off, and no kernel parameter turns it on on an AMD host (amd_iommu=on does nothing): enable "
        "IOMMU "
        "(AMD-Vi) in the firmware's setup");
  } else {
    plan.claim.parameters = system::iommu_parameters(view.cpuinfo);
    plan.reasons.emplace_back(
        "there are no IOMMU groups: intel_iommu=on turns the IOMMU on, iommu=pt exempts the host's own devices from "
        "the "
        "translation");
    plan.warnings.emplace_back(
        "VT-d must be enabled in the firmware's setup; which devices share the card's group is known only after the "
        "next "
        "boot: run vgpukit passthrough groups then, and apply again");
  }
  if (!card.group)
    for (const auto& [name, value] : system::iommu_off)
      if (const auto* parameter = view.parameters.with(name, value))
        plan.warnings.push_back(parameter->text + " turns the IOMMU off: remove it from the kernel's parameters");
  const auto* boot = view.display.held_by_boot(card);
  if (!boot) return;
  const auto off = system::framebuffer_switch(*boot, view.parameters);
  const auto holds = boot->name + " uses the card's memory for the boot messages: ";
  if (off.parameter.empty()) {
    plan.useless.push_back(off.set);
    plan.warnings.push_back(holds + off.set + " is set, and the kernel does not heed it; " + off.otherwise);
    return;
  }
  plan.claim.parameters.push_back(off.parameter);
  plan.reasons.push_back(holds + off.parameter + " disables that");
}

void decide_naming(const ClaimView& view, const std::vector<const system::PciDevice*>& taken, ClaimPlan& plan) {
  auto& claim = plan.claim;
  for (const auto& device : view.pci.devices) {
    if (claimed(taken, device)) continue;
    if (!readable(device)) {
      claim.by_address = true;
      plan.reasons.push_back("by address: the ids of " + device.address + " cannot be read (" +
                             device.unreadable.front() + ")");
      continue;
    }
    for (const auto* function : taken) {
      if (device.ids() != function->ids()) continue;
      claim.by_address = true;
      plan.reasons.push_back("by address: " + device.address + ", which stays with the host, has the ids of " +
                             function->address + ", " + device.ids());
    }
  }
  for (auto& function : claim.functions)
    if (function.evict) {
      claim.by_address = true;
      plan.reasons.push_back("by address: the driver of " + function.address +
                             " is built into the kernel and has it before any module is loaded");
    }
  if (!claim.by_address) plan.reasons.emplace_back("by ids: no device that stays with the host has the same ids");
}

// Keeps parameters of an earlier apply that are in effect: the IOMMU is on and the framebuffer is off because of them.
void keep_effective(const ClaimView& view, const CardClaim& applied, ClaimPlan& plan) {
  auto fresh = std::move(plan.claim.parameters);
  plan.claim.parameters.clear();
  for (const auto& word : applied.parameters) {
    const auto equals = word.find('=');
    const bool wanted = std::find(fresh.begin(), fresh.end(), word) != fresh.end();
    const bool useless = std::find(plan.useless.begin(), plan.useless.end(), word) != plan.useless.end();
    if (!wanted && (useless || !view.parameters.with(word.substr(0, equals), word.substr(equals + 1)))) continue;
    plan.claim.parameters.push_back(word);
    std::erase(fresh, word);
  }
  plan.claim.parameters.insert(plan.claim.parameters.end(), fresh.begin(), fresh.end());
}

// A device that an earlier apply gave to vfio-pci does not show its driver.
bool evicted_before(const CardClaim* applied, const system::PciDevice& device) {
  return applied && device.driver == "vfio-pci" &&
         std::any_of(applied->functions.begin(), applied->functions.end(), [&](const ClaimedFunction& each) {
           return each.evict && each.address == device.address && each.ids == device.ids();
         });
}

}  // namespace

json claim_json(const CardClaim& claim) {
  json functions = json::array();
  for (const auto& each : claim.functions)
    functions.push_back({{"address", each.address}, {"ids", each.ids}, {"evict", each.evict}});
  return {{"address", claim.address},
          {"functions", std::move(functions)},
          {"competing_modules", claim.competing_modules},
          {"parameters", claim.parameters},
          {"by", claim.by_address ? "address" : "ids"}};
}

Result<CardClaim> claim_from_json(const json& data) {
  try {
    CardClaim claim;
    claim.address = data.at("address");
    for (const auto& each : data.at("functions"))
      claim.functions.push_back({each.at("address"), each.at("ids"), each.at("evict")});
    claim.competing_modules = data.at(data.contains("rivals") ? "rivals" : "competing_modules");  // 0.1.0: rivals
    claim.parameters = data.at("parameters");
    claim.by_address = data.at("by") == "address";
    return claim;
  } catch (const json::exception& wrong) {
    return Error{ErrorKind::usage, "read the record of a card", wrong.what(), ""};
  }
}

Result<const system::PciDevice*> find_own_card(const system::PciView& pci, std::string_view word, bool any_device) {
  TRY_ASSIGN(const auto* card, system::find_card(pci, word, any_device));
  const auto tried = "take '" + std::string(word) + "' as the card";
  if (!any_device && !card->is_nvidia())
    return Error{ErrorKind::usage, tried, system::describe(*card) + " is not NVIDIA's",
                 "vgpukit passthrough groups lists NVIDIA's cards"};
  if (!any_device && card->is_virtual_function)
    return Error{ErrorKind::usage, tried, card->address + " is a virtual function: a part of a card for vGPUs",
                 "vgpukit vgpu xml " + card->address + " gives it to a virtual machine"};
  for (const auto* function : pci.functions_of(*card))
    if (!readable(*function))
      return Error{ErrorKind::missing, tried, function->folder() + "/" + function->unreadable.front(),
                   "run it as root; if root cannot read it either, the device has fallen off the bus: reboot"};
  if (!any_device && !card->address.ends_with(".0"))
    for (const auto* function : pci.functions_of(*card))
      if (function->is_nvidia_card()) return function;
  return card;
}

std::vector<const system::PciDevice*> companions(const system::GroupMembers& members) {
  std::vector<const system::PciDevice*> list;
  for (const auto* device : members.other_devices)
    if (!device->is_bridge() && !device->driver.empty()) list.push_back(device);
  return list;
}

bool has_display_output(const system::PciDevice& device, const system::Display& display) {
  if (!device.is_display() || device.is_virtual_function) return false;
  if (device.class_code >> 8 == 0x0300 || device.boot_vga.value_or(false)) return true;
  return std::any_of(display.cards.begin(), display.cards.end(), [&](const system::DrmCard& card) {
    return card.address == device.address && !card.connected.empty();
  });
}

bool only_display(const system::PciView& pci, const system::Display& display,
                  const std::vector<const system::PciDevice*>& taken) {
  if (std::none_of(taken.begin(), taken.end(),
                   [&](const system::PciDevice* each) { return has_display_output(*each, display); }))
    return false;
  return std::none_of(pci.devices.begin(), pci.devices.end(), [&](const system::PciDevice& each) {
    return !claimed(taken, each) && has_display_output(each, display);
  });
}

ClaimView read_claim_view(const HostPaths& host, const Sysfs& sysfs) {
  ClaimView view;
  view.pci = system::read_pci_devices(sysfs);
  view.display = system::read_display(sysfs, view.pci);
  view.modules = InstalledModules::read(host);
  view.cpuinfo = sysfs.read("/proc/cpuinfo").text;
  view.parameters = system::KernelParameters(sysfs.read("/proc/cmdline").text);
  return view;
}

Result<ClaimPlan> plan_claim(const ClaimView& view, const system::PciDevice& card, const CardClaim* applied) {
  if (!view.modules.loadable_somewhere("vfio_pci") && !view.modules.built_in_somewhere("vfio_pci"))
    return Error{
        ErrorKind::missing, "prepare " + card.address + " for a virtual machine",
        view.modules.kernels().empty() ? "no kernel is installed in /lib/modules" : "no installed kernel has vfio-pci",
        "install the distribution's own kernel (CONFIG_VFIO_PCI)"};
  ClaimPlan plan;
  auto& claim = plan.claim;
  claim.address = card.address;
  const auto members = system::group_members(view.pci, card);
  auto taken = members.card;
  for (const auto* device : companions(members)) {
    taken.push_back(device);
    plan.reasons.push_back(system::describe(*device) + " goes to vfio-pci, too: it is in the card's IOMMU group");
    if (const auto needs = system::host_needs(*device); !needs.empty())
      plan.risks.push_back(
          {force_host_devices,
           system::describe(*device) + " shares the card's IOMMU group and goes to vfio-pci, too: " + needs});
  }
  std::set<std::string> competing_modules;
  for (const auto* device : taken) {
    const auto theirs = view.modules.competing_modules(*device);
    competing_modules.insert(theirs.begin(), theirs.end());
    const bool evict = evicted_before(applied, *device) ||
                       std::any_of(theirs.begin(), theirs.end(),
                                   [&](const std::string& module) { return view.modules.built_in_somewhere(module); });
    claim.functions.push_back({device->address, device->ids(), evict});
  }
  // A softdep does not delay a driver that is built in.
  for (const auto& module : competing_modules)
    if (!view.modules.built_in_somewhere(module) || view.modules.loadable_somewhere(module))
      claim.competing_modules.push_back(module);
  decide_naming(view, taken, plan);
  add_parameters(view, card, plan);
  if (applied) keep_effective(view, *applied, plan);
  if (only_display(view.pci, view.display, taken))
    plan.risks.push_back(
        {force_display,
         system::describe(card) +
             " is the only card of this host with a display: after the next boot its screen stays black, "
             "and the host can be reached only through the network"});
  else if (card.boot_vga.value_or(false))
    plan.warnings.push_back(
        "the firmware uses " + card.address +
        " for its menus: set the other card as the primary display in the firmware's setup to see the boot menu");
  return plan;
}

}  // namespace vgpukit::passthrough
