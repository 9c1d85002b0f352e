// IOMMU groups: the smallest set of devices that can be given to a virtual machine (Documentation/driver-api/vfio.rst).
#pragma once

#include <string>
#include <vector>

#include "system/pci.hpp"

namespace vgpukit::system {

struct IommuGroup {
  unsigned number = 0;
  std::string type;  // "DMA", "DMA-FQ", "identity"; empty where the kernel does not tell
  std::vector<const PciDevice*> devices;
};

// Sorted by number. None: there is no IOMMU, or it is off. Points into `pci`.
std::vector<IommuGroup> read_iommu_groups(const Sysfs& sysfs, const PciView& pci);

// Who shares a card's group, as vfio sees it: all that have a driver must go along, but for PCI bridges (pcieport does
// no DMA: driver_managed_dma in drivers/pci/pcie/portdrv.c, vfio_dev_viable() before 6.0).
struct GroupMembers {
  std::vector<const PciDevice*> card;     // the card's functions, be they in this group or not
  std::vector<const PciDevice*> bridges;  // PCI bridges in the group: they stay with the host
  std::vector<const PciDevice*>
      other_devices;  // devices in the groups of the card's functions that are none of the card
  [[nodiscard]] bool alone() const { return other_devices.empty(); }
};
GroupMembers group_members(const PciView& pci, const PciDevice& card);

// Disks, network, the chipset's and the CPU's own: what a host does not boot or cannot be reached without. Empty, or
// why.
std::string host_needs(const PciDevice& device);

// Where a card could be put instead: a port of the root bus with nothing but its own in its group.
struct Slot {
  const PciDevice* port = nullptr;
  std::string name;                         // of the slot, as the firmware counts ("1"); may be empty
  std::vector<const PciDevice*> occupants;  // what is behind it now
};
// Ports of 4 lanes or more (or of unknown width) that are free or hold graphics cards only; the widest first. `card`'s
// own is left out.
std::vector<Slot> better_slots(const Sysfs& sysfs, const PciView& pci, const PciDevice& card);

}  // namespace vgpukit::system
