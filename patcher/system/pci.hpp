// The PCI devices of a host, as sysfs shows them (Documentation/ABI/testing/sysfs-bus-pci).
//
// The folder system/ reads what the machine is: PCI devices, IOMMU groups, displays, the kernel log, kernel parameters,
// boot loader. It changes nothing. It uses support/ only. Everything is below the root of HostPaths, so that it works
// on a test's folder.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"
#include "support/sysfs.hpp"

namespace vgpukit::system {

struct PciDevice {
  std::string address;  // 0000:07:00.0
  unsigned vendor = 0, device = 0, subsystem_vendor = 0, subsystem_device = 0;
  unsigned class_code = 0;  // base class, subclass, interface: 0x030000 is a VGA controller
  unsigned revision = 0;
  std::string driver;                      // empty: none
  std::string driver_module;               // the driver's module, also if it is built in; empty: not known
  std::string driver_override;             // empty: none
  std::string modalias;                    // modprobe finds modules by it
  std::optional<unsigned> group;           // its IOMMU group
  std::vector<std::string> reset_methods;  // "flr", "bus", "pm"...; empty before kernel 5.15
  std::optional<bool> boot_vga;            // only VGA controllers have it
  std::string bridge;                      // the address of the bridge above it; empty on a root bus
  unsigned max_link_width = 0;             // lanes; 0: not known
  std::vector<std::string> unreadable;     // "class: Permission denied"
  bool is_virtual_function = false;

  // "0000:07:00": all functions of a card have the same.
  [[nodiscard]] std::string slot() const { return address.substr(0, address.rfind('.')); }
  [[nodiscard]] std::string ids() const;  // "10de:1e04", as lspci -n prints them and vfio-pci's ids= takes them
  [[nodiscard]] std::string folder() const { return "/sys/bus/pci/devices/" + address; }
  [[nodiscard]] bool is_bridge() const { return class_code >> 16 == 0x06; }       // host, PCI and ISA bridges
  [[nodiscard]] bool is_pci_bridge() const { return class_code >> 8 == 0x0604; }  // with a bus behind it
  [[nodiscard]] bool is_display() const { return class_code >> 16 == 0x03; }      // VGA, 3D
  [[nodiscard]] bool is_nvidia() const { return vendor == 0x10de; }
  // The display function of an NVIDIA card. A virtual function does not count: it is a part of a card.
  [[nodiscard]] bool is_nvidia_card() const { return is_nvidia() && is_display() && !is_virtual_function; }
};

struct PciView {
  std::vector<PciDevice> devices;  // sorted by address
  bool readable = true;            // false: there is no /sys/bus/pci/devices

  [[nodiscard]] const PciDevice* find(std::string_view address) const;
  // All functions of the card that `device` belongs to, with `device` itself. A virtual function is alone.
  [[nodiscard]] std::vector<const PciDevice*> functions_of(const PciDevice& device) const;
  // The devices below the bridge, directly or further down.
  [[nodiscard]] std::vector<const PciDevice*> behind(const PciDevice& bridge) const;
  [[nodiscard]] std::vector<const PciDevice*> nvidia_cards() const;
};

// Never fails: a file that cannot be read is named in `unreadable`.
PciView read_pci_devices(const Sysfs& sysfs);

// The device that a user means by an address ("07:00.0", "0000:07:00.0"; a slot, "07:00", means its first function).
// Error: usage for text that is not an address, for an address without a device, for a bridge and, unless `any_device`,
// for a device that is not a display. The error lists the cards of the host.
Result<const PciDevice*> find_card(const PciView& pci, std::string_view word, bool any_device = false);

// "VGA controller", "audio device", "USB controller", for messages.
std::string class_name(unsigned class_code);
// "0000:01:00.0 (NVIDIA VGA controller 10de:1e04)", for messages.
std::string describe(const PciDevice& device);

}  // namespace vgpukit::system
