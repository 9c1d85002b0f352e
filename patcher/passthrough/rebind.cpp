#include "passthrough/rebind.hpp"

#include <algorithm>
#include <cstring>

#include "passthrough/rebind_journal.hpp"
#include "support/text.hpp"
#include "system/device_holders.hpp"

namespace vgpukit::passthrough {

namespace {

using nlohmann::json;

struct Target {
  system::PciView pci;
  system::Display display;
  const system::PciDevice* card = nullptr;
  std::vector<const system::PciDevice*> functions;   // of the card
  std::vector<const system::PciDevice*> companions;  // other devices of its group that have a driver
  [[nodiscard]] std::vector<const system::PciDevice*> all() const {
    auto list = functions;
    list.insert(list.end(), companions.begin(), companions.end());
    return list;
  }
};

// Fills `target`, whose pointers point into its own pci.
Status read_target(const RebindTools& tools, const RebindRequest& request, Target& target) {
  target.pci = system::read_pci_devices(tools.sysfs);
  target.display = system::read_display(tools.sysfs, target.pci);
  TRY_ASSIGN(target.card, find_own_card(target.pci, request.card, request.any_device));
  const auto members = system::group_members(target.pci, *target.card);
  target.functions = members.card;
  target.companions = companions(members);
  return {};
}

// Error: failed while something uses the devices, with each user.
Status refuse_holders(const std::vector<system::DeviceHolder>& holders, const std::string& tried,
                      const std::string& next) {
  if (holders.empty()) return {};
  // The others are told with what ends them.
  const bool programs = std::any_of(holders.begin(), holders.end(), [](const auto& holder) { return holder.pid != 0; });
  return Error{ErrorKind::failed, tried,
               "it is in use: " + join(holders, "; ", [](const auto& holder) { return holder.text(); }),
               programs ? next : ""};
}

Status refuse_risks(const Target& target, const RebindRequest& request) {
  const auto tried = "give " + target.card->address + " to vfio-pci";
  for (const auto* device : target.companions)
    if (const auto needs = system::host_needs(*device); !needs.empty() && !request.forced.contains(force_host_devices))
      return Error{ErrorKind::consent, tried,
                   system::describe(*device) + " shares its IOMMU group and goes to vfio-pci, too: " + needs,
                   std::string("if you want that: ") + force_host_devices};
  if (only_display(target.pci, target.display, target.all()) && !request.single_gpu &&
      !request.forced.contains(force_display))
    return Error{ErrorKind::consent, tried, "it is the only card of this host with a display",
                 std::string("with --single-gpu the desktop stops first and starts again with unbind; otherwise: ") +
                     force_display};
  return {};
}

// Stops those of the units that run.
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
    if (!console.bound || !contains(console.about, "frame buffer")) continue;
    TRY(journal.add({{"what", "console"}, {"name", console.name}}));
    const auto path = "/sys/class/vtconsole/" + console.name + "/bind";
    if (const int error = tools.sysfs.write(path, "0"); error != 0)
      return Error{ErrorKind::failed, "unbind the text console (" + path + ")", std::strerror(error), "", {}, error};
  }
  const auto* boot = target.display.held_by_boot(*target.card);
  if (!boot) return {};
  TRY(journal.add({{"what", "framebuffer"}, {"name", boot->device}, {"driver", boot->driver}}));
  const auto path = "/sys/bus/platform/drivers/" + boot->driver + "/unbind";
  if (const int error = tools.sysfs.write(path, boot->device); error != 0)
    return Error{ErrorKind::failed, "unbind " + boot->name + " (" + path + ")", std::strerror(error), "", {}, error};
  return {};
}

// `wait`: for programs that are still ending.
Status check_holders(const RebindTools& tools, const std::vector<const system::PciDevice*>& devices, bool wait) {
  auto holders = system::device_holders(tools.sysfs, devices);
  while (!holders.empty() && wait && tools.wait()) holders = system::device_holders(tools.sysfs, devices);
  return refuse_holders(
      holders, "take " + devices.front()->address + " from its driver",
      wait ? "end these first: --single-gpu stops only display-manager and nvidia-persistenced"
           : "end these first (systemctl stop display-manager nvidia-persistenced), or let --single-gpu do it");
}

// NVIDIA's driver releases a card completely only when it is unloaded: nvidia_drm keeps its framebuffer. It stays
// loaded while it has another card.
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
  auto done = tools.run(command);
  if (done) return {};
  auto error = done.error();
  append(error.next, "vgpukit unload names what uses NVIDIA's modules", "; ");
  return error;
}

Status move_functions(const RebindTools& tools, const Target& target, RebindJournal& journal) {
  for (const auto* function : target.all()) {
    if (function->driver == "vfio-pci") continue;
    // If the driver was just unloaded, the link is gone. Its module usually has the same name.
    const auto module = tools.sysfs.link_name("/sys/bus/pci/drivers/" + function->driver + "/module");
    TRY(journal.add({{"what", "driver"},
                     {"name", function->address},
                     {"driver", function->driver},
                     {"module", module.empty() ? function->driver : module},
                     {"override", function->driver_override}}));
    TRY(give_to_driver(tools, function->address, "vfio-pci", "vfio-pci", ""));
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
  TRY(read_target(tools, request, target));
  const auto all = target.all();
  if (std::all_of(all.begin(), all.end(), [](const system::PciDevice* each) { return each->driver == "vfio-pci"; }))
    return rebound(tools, all);
  if (!target.card->group)
    return Error{ErrorKind::missing, "give " + target.card->address + " to vfio-pci",
                 "it is in no IOMMU group: the IOMMU is off", "vgpukit doctor tells how to turn it on"};
  TRY(refuse_risks(target, request));
  if (!request.single_gpu) TRY(check_holders(tools, all, false));
  if (!tools.sysfs.exists("/sys/bus/pci/drivers/vfio-pci")) TRY(tools.run({"modprobe", "vfio-pci"}));

  auto journal = RebindJournal::open(tools, target.card->address);
  const auto work = [&]() -> Status {
    if (request.single_gpu) {
      TRY(stop_units(tools, journal));
      TRY(release_console(tools, target, journal));
      TRY(check_holders(tools, all, true));
      TRY(unload_nvidia(tools, target, journal));
    }
    return move_functions(tools, target, journal);
  };
  if (const auto done = work(); !done) {
    auto error = done.error();
    std::vector<std::string> notes;
    const auto undone = journal.undo(notes);
    append(error.next,
           undone ? "the card has its old driver again"
                  : "the card could not be given back to its old driver: " + undone.error().message(),
           "; ");
    return error;
  }
  return rebound(tools, all);
}

Result<Rebound> unbind_from_vfio(const RebindTools& tools, const RebindRequest& request) {
  Target target;
  TRY(read_target(tools, request, target));
  auto journal = RebindJournal::open(tools, target.card->address);
  std::vector<const system::PciDevice*> bound;
  for (const auto* device : target.all())
    if (device->driver == "vfio-pci") bound.push_back(device);
  if (bound.empty() && journal.empty()) return rebound(tools, target.all());
  TRY(refuse_holders(system::device_holders(tools.sysfs, bound), "take " + target.card->address + " from vfio-pci",
                     "shut the virtual machine down first"));
  // vfio-pci got the card at boot, so there is no old driver: any driver that supports it can take it.
  if (journal.empty()) {
    for (const auto* device : bound)
      TRY(journal.add({{"what", "driver"}, {"name", device->address}, {"module", device->modalias}, {"override", ""}}));
  }
  std::vector<std::string> notes;
  TRY(journal.undo(notes));
  auto result = rebound(tools, target.all());
  result.notes = notes;
  return result;
}

}  // namespace vgpukit::passthrough
