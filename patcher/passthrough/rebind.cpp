#include "passthrough/rebind.hpp"

#include <algorithm>
#include <cstring>

#include "passthrough/rebind_journal.hpp"
#include "system/device_holders.hpp"

namespace vgpukit::passthrough {

namespace {

using nlohmann::json;

struct Target {
  system::PciView pci;
  system::Display display;
  const system::PciDevice* card = nullptr;
  std::vector<const system::PciDevice*> functions;   // of the card
  std::vector<const system::PciDevice*> companions;  // in its group
  [[nodiscard]] std::vector<const system::PciDevice*> all() const {
    auto list = functions;
    list.insert(list.end(), companions.begin(), companions.end());
    return list;
  }
};

// Into `target`, whose pointers are to its own pci.
Status look_at_target(const RebindTools& tools, const RebindRequest& request, Target& target) {
  target.pci = system::read_pci_devices(tools.sysfs);
  target.display = system::read_display(tools.sysfs, target.pci);
  TRY_ASSIGN(target.card, find_own_card(target.pci, request.card, request.any_device));
  const auto mates = system::group_members(target.pci, *target.card);
  target.functions = mates.card;
  for (const auto* device : mates.other_devices)
    if (!device->is_bridge() && !device->driver.empty()) target.companions.push_back(device);
  return {};
}

std::string listed(const std::vector<system::DeviceHolder>& holders) {
  std::string text;
  for (const auto& holder : holders) text += (text.empty() ? "" : "; ") + holder.text();
  return text;
}

Status refuse_risks(const Target& target, const RebindRequest& request) {
  const auto tried = "give " + target.card->address + " to vfio-pci";
  for (const auto* device : target.companions)
    if (const auto needs = system::host_needs(*device); !needs.empty() && !request.forced.contains(force_host_devices))
      return Error{ErrorKind::consent, tried,
                   system::describe(*device) + " shares its IOMMU group and would be taken, too: " + needs,
                   std::string("if that is what you want: ") + force_host_devices};
  if (only_display(target.pci, target.display, target.all()) && !request.single_gpu &&
      !request.forced.contains(force_display))
    return Error{ErrorKind::consent, tried, "it is the only card that this host can show anything on",
                 std::string("with --single-gpu the desktop is stopped first and comes back with unbind; otherwise: ") +
                     force_display};
  return {};
}

// Those of the units that run are stopped.
Status stop_units(const RebindTools& tools, RebindJournal& journal) {
  for (const auto* unit : {"display-manager.service", "nvidia-persistenced.service"}) {
    if (!tools.run({"systemctl", "is-active", "--quiet", unit})) continue;
    TRY(journal.add({{"what", "unit"}, {"name", unit}}));
    TRY(tools.run({"systemctl", "stop", unit}));
  }
  return {};
}

Status release_console(const RebindTools& tools, const Target& target, RebindJournal& journal) {
  for (const auto& console : target.display.consoles) {
    if (!console.bound || console.about.find("frame buffer") == std::string::npos) continue;
    TRY(journal.add({{"what", "console"}, {"name", console.name}}));
    const auto path = "/sys/class/vtconsole/" + console.name + "/bind";
    if (const int error = tools.sysfs.write(path, "0"); error != 0)
      return Error{ErrorKind::failed, "take the text console off the card (" + path + ")", std::strerror(error), ""};
  }
  const auto* boot = target.display.held_by_boot(*target.card);
  if (!boot) return {};
  TRY(journal.add({{"what", "framebuffer"}, {"name", boot->device}, {"driver", boot->driver}}));
  const auto path = "/sys/bus/platform/drivers/" + boot->driver + "/unbind";
  if (const int error = tools.sysfs.write(path, boot->device); error != 0)
    return Error{ErrorKind::failed, "take " + boot->name + " off the card (" + path + ")", std::strerror(error), ""};
  return {};
}

Status wait_for_holders(const RebindTools& tools, const std::vector<const system::PciDevice*>& devices, bool patient) {
  auto holders = system::device_holders(tools.sysfs, devices);
  while (!holders.empty() && patient && tools.wait()) holders = system::device_holders(tools.sysfs, devices);
  if (holders.empty()) return {};
  return Error{ErrorKind::failed, "take " + devices.front()->address + " from its driver",
               "it is in use: " + listed(holders),
               "end these first (systemctl stop display-manager nvidia-persistenced), or let --single-gpu do it"};
}

// NVIDIA's driver lets go of a card for good only when it is gone: nvidia_drm keeps its framebuffer. Not while another
// card has it.
Status unload_nvidia(const RebindTools& tools, const Target& target, RebindJournal& journal) {
  if (target.card->driver != "nvidia") return {};
  for (const auto& device : target.pci.devices)
    if (device.driver == "nvidia" && device.slot() != target.card->slot()) return {};
  std::vector<std::string> command = {"modprobe", "-r"};
  for (const auto* module : {"nvidia_drm", "nvidia_modeset", "nvidia_uvm", "nvidia"}) {
    if (!tools.sysfs.exists(std::string("/sys/module/") + module)) continue;
    command.emplace_back(module);
  }
  if (command.size() == 2) return {};
  for (std::size_t i = 2; i < command.size(); ++i) TRY(journal.add({{"what", "module"}, {"name", command[i]}}));
  return tools.run(command);
}

Status move_functions(const RebindTools& tools, const Target& target, RebindJournal& journal) {
  for (const auto* function : target.all()) {
    if (function->driver == "vfio-pci") continue;
    // A driver that was just unloaded is mostly called as its module is.
    const auto module = tools.sysfs.link_name("/sys/bus/pci/drivers/" + function->driver + "/module");
    TRY(journal.add({{"what", "driver"},
                     {"name", function->address},
                     {"driver", function->driver},
                     {"module", module.empty() ? function->driver : module},
                     {"override", function->driver_override}}));
    TRY(give_to_driver(tools, function->address, "vfio-pci", "vfio-pci"));
  }
  return {};
}

Rebound rebound(const RebindTools& tools, const std::vector<const system::PciDevice*>& before) {
  Rebound result;
  for (const auto* device : before)
    result.functions.push_back({device->address, device->driver,
                                tools.sysfs.link_name("/sys/bus/pci/devices/" + device->address + "/driver")});
  return result;
}

}  // namespace

Result<Rebound> bind_to_vfio(const RebindTools& tools, const RebindRequest& request) {
  Target target;
  TRY(look_at_target(tools, request, target));
  const auto all = target.all();
  if (std::all_of(all.begin(), all.end(), [](const system::PciDevice* each) { return each->driver == "vfio-pci"; }))
    return rebound(tools, all);
  if (!target.card->group)
    return Error{ErrorKind::missing, "give " + target.card->address + " to vfio-pci",
                 "it is in no IOMMU group: the IOMMU is off", "vgpukit doctor tells how to turn it on"};
  TRY(refuse_risks(target, request));
  if (!request.single_gpu) TRY(wait_for_holders(tools, all, false));
  if (!tools.sysfs.exists("/sys/bus/pci/drivers/vfio-pci")) TRY(tools.run({"modprobe", "vfio-pci"}));

  auto journal = RebindJournal::open(tools, target.card->address);
  const auto work = [&]() -> Status {
    if (request.single_gpu) {
      TRY(stop_units(tools, journal));
      TRY(release_console(tools, target, journal));
      TRY(wait_for_holders(tools, all, true));
      TRY(unload_nvidia(tools, target, journal));
    }
    return move_functions(tools, target, journal);
  };
  if (const auto done = work(); !done) {
    auto error = done.error();
    std::vector<std::string> notes;
    const auto undone = journal.undo(notes);
    error.next += error.next.empty() ? "" : "; ";
    error.next += undone ? "the card is with its old driver again"
                         : "and the old driver did not take it back: " + undone.error().message();
    return error;
  }
  return rebound(tools, all);
}

Result<Rebound> unbind_from_vfio(const RebindTools& tools, const RebindRequest& request) {
  Target target;
  TRY(look_at_target(tools, request, target));
  auto journal = RebindJournal::open(tools, target.card->address);
  std::vector<const system::PciDevice*> ours;
  for (const auto* device : target.all())
    if (device->driver == "vfio-pci") ours.push_back(device);
  if (ours.empty() && journal.empty()) return rebound(tools, target.all());
  if (const auto holders = system::device_holders(tools.sysfs, ours); !holders.empty())
    return Error{ErrorKind::failed, "take " + target.card->address + " from vfio-pci",
                 "it is in use: " + listed(holders), "shut the virtual machine down first"};
  // What was bound at boot has no old driver: whoever wants it gets it.
  if (journal.empty()) {
    for (const auto* device : ours) {
      TRY(journal.add({{"what", "driver"}, {"name", device->address}, {"override", ""}}));
      (void)tools.run({"modprobe", device->modalias});
    }
  }
  std::vector<std::string> notes;
  TRY(journal.undo(notes));
  auto result = rebound(tools, target.all());
  result.notes = notes;
  return result;
}

}  // namespace vgpukit::passthrough
