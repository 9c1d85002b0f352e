#include "system/iommu_groups.hpp"

#include <algorithm>
#include <map>

namespace vgpukit::system {

namespace {

bool holds(const std::vector<const PciDevice*>& devices, const PciDevice* device) {
  return std::find(devices.begin(), devices.end(), device) != devices.end();
}

// The firmware's name for the slot that a device sits in.
std::string slot_name(const Sysfs& sysfs, const std::vector<const PciDevice*>& occupants) {
  for (const auto& name : sysfs.list("/sys/bus/pci/slots")) {
    const auto address = sysfs.read("/sys/bus/pci/slots/" + name + "/address").text;
    for (const auto* device : occupants)
      if (device->slot() == address) return name;
  }
  return "";
}

}  // namespace

std::vector<IommuGroup> read_iommu_groups(const Sysfs& sysfs, const PciView& pci) {
  std::map<unsigned, IommuGroup> groups;
  for (const auto& device : pci.devices) {
    if (!device.group) continue;
    auto& group = groups[*device.group];
    group.number = *device.group;
    group.devices.push_back(&device);
  }
  std::vector<IommuGroup> all;
  for (auto& [number, group] : groups) {
    group.type = sysfs.read("/sys/kernel/iommu_groups/" + std::to_string(number) + "/type").text;
    all.push_back(std::move(group));
  }
  return all;
}

GroupMembers group_members(const PciView& pci, const PciDevice& card) {
  GroupMembers members;
  members.card = pci.functions_of(card);
  for (const auto& device : pci.devices) {
    if (!device.group || holds(members.card, &device)) continue;
    const bool shared = std::any_of(members.card.begin(), members.card.end(),
                                    [&](const PciDevice* each) { return each->group == device.group; });
    if (shared) (device.is_pci_bridge() ? members.bridges : members.other_devices).push_back(&device);
  }
  return members;
}

std::string host_needs(const PciDevice& device) {
  switch (device.class_code >> 16) {
    case 0x01:
      return "a disk may be on it";
    case 0x02:
      return "the network is on it";
    case 0x05:
    case 0x06:
    case 0x08:
    case 0x11:
      return "it is a part of the CPU or the chipset";
    case 0x0c:
      return device.class_code >> 8 == 0x0c05 ? "it is a part of the chipset" : "keyboards and disks may be on it";
    default:
      return "";
  }
}

std::vector<Slot> better_slots(const Sysfs& sysfs, const PciView& pci, const PciDevice& card) {
  std::vector<Slot> slots;
  for (const auto& port : pci.devices) {
    if (!port.is_pci_bridge() || !port.bridge.empty() || !port.group) continue;
    if (port.max_link_width != 0 && port.max_link_width < 4) continue;
    Slot slot{&port, "", pci.behind(port)};
    if (holds(slot.occupants, &card)) continue;
    const bool shared = std::any_of(pci.devices.begin(), pci.devices.end(), [&](const PciDevice& each) {
      return &each != &port && each.group == port.group && !holds(slot.occupants, &each);
    });
    const bool busy = std::any_of(slot.occupants.begin(), slot.occupants.end(), [](const PciDevice* each) {
      return !each->is_pci_bridge() && !host_needs(*each).empty();
    });
    if (shared || busy) continue;
    slot.name = slot_name(sysfs, slot.occupants);
    slots.push_back(std::move(slot));
  }
  std::stable_sort(slots.begin(), slots.end(),
                   [](const Slot& a, const Slot& b) { return a.port->max_link_width > b.port->max_link_width; });
  return slots;
}

}  // namespace vgpukit::system
