// IOMMU groups: the smallest set of devices that can be given to a virtual machine (Documentation/driver-api/vfio.rst).
#pragma once

#include <string>
#include <vector>

#include "system/pci.hpp"

namespace vgpukit::system {

struct IommuGroup {
  unsigned number = 0;
  std::string type;  // "DMA", "DMA-FQ", "identity"; empty if the kernel does not say
  std::vector<const PciDevice*> devices;
};

// Sorted by number. Empty: there is no IOMMU, or it is off. Points into `pci`.
std::vector<IommuGroup> read_iommu_groups(const Sysfs& sysfs, const PciView& pci);

// The devices in the groups of a card's functions. vfio needs every one of them that has a driver, except PCI bridges:
// pcieport does no DMA (driver_managed_dma in drivers/pci/pcie/portdrv.c; vfio_dev_viable() before 6.0).
struct GroupMembers {
  std::vector<const PciDevice*> card;           // all functions of the card, in whatever group
  std::vector<const PciDevice*> bridges;        // PCI bridges in these groups: they stay with the host
  std::vector<const PciDevice*> other_devices;  // the rest
  [[nodiscard]] bool alone() const { return other_devices.empty(); }
};
GroupMembers group_members(const PciView& pci, const PciDevice& card);

// Why the host may need the device: a disk, the network, USB, or a part of the CPU or the chipset. Empty: it does not.
std::string host_needs(const PciDevice& device);

// A port of the root bus that shares its group only with what is behind it: a better place for a card.
struct Slot {
  const PciDevice* port = nullptr;
  std::string name;                         // the firmware's name for the slot ("1"); may be empty
  std::vector<const PciDevice*> occupants;  // what is behind the port now
};
// Ports of 4 lanes or more (or of unknown width) that are free or hold only what the host does not need, the widest
// first. Without the port of `card`.
std::vector<Slot> better_slots(const Sysfs& sysfs, const PciView& pci, const PciDevice& card);

}  // namespace vgpukit::system
