// The PCI devices of a host as sysfs shows them (Documentation/ABI/testing/sysfs-bus-pci). What lspci would say is
// here, but the names.
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
  std::string driver;             // that it is bound to; empty: none
  std::string driver_override;    // empty: none
  std::string modalias;           // what modules are looked up by
  std::optional<unsigned> group;  // its IOMMU group
  std::vector<std::string>
      reset_methods;             // "flr", "bus", "pm"...; none where it has none, or the kernel is older than 5.15
  std::optional<bool> boot_vga;  // VGA controllers alone have it
  std::string bridge;            // the address of the bridge that it is behind; empty on a root bus
  unsigned max_link_width = 0;   // lanes; 0: not known
  std::vector<std::string> unreadable;  // "class: Permission denied"

  // "0000:07:00", which all functions of a card share.
  [[nodiscard]] std::string slot() const { return address.substr(0, address.rfind('.')); }
  [[nodiscard]] std::string ids() const;  // "10de:1e04", as lspci -n prints them and vfio-pci's ids= takes them
  [[nodiscard]] std::string folder() const { return "/sys/bus/pci/devices/" + address; }
  [[nodiscard]] bool is_bridge() const { return class_code >> 16 == 0x06; }       // host, PCI and ISA bridges
  [[nodiscard]] bool is_pci_bridge() const { return class_code >> 8 == 0x0604; }  // with a bus behind it
  [[nodiscard]] bool is_display() const { return class_code >> 16 == 0x03; }      // VGA, 3D
  [[nodiscard]] bool is_nvidia() const { return vendor == 0x10de; }
  // An NVIDIA card's first function. Virtual functions are none: they are no cards to give away or to bind.
  [[nodiscard]] bool is_nvidia_card() const { return is_nvidia() && is_display() && !is_virtual_function; }
  bool is_virtual_function = false;
};

struct PciView {
  std::vector<PciDevice> devices;  // sorted by address
  bool readable = true;            // false: there is no /sys/bus/pci/devices

  [[nodiscard]] const PciDevice* find(std::string_view address) const;
  // All functions of the card that `device` is one of, itself included. A virtual function is alone.
  [[nodiscard]] std::vector<const PciDevice*> functions_of(const PciDevice& device) const;
  // Those that are behind the bridge, directly or further down.
  [[nodiscard]] std::vector<const PciDevice*> behind(const PciDevice& bridge) const;
  [[nodiscard]] std::vector<const PciDevice*> nvidia_cards() const;
};

// Looks at all of it. Nothing is an error: what cannot be read is said in `unreadable`.
PciView read_pci_devices(const Sysfs& sysfs);

// The device that a user means by an address ("07:00.0", "0000:07:00.0"; a slot, "07:00", means its first function).
// Error: usage for what is no address, is not there (says which cards are), is a bridge, or, unless `any_device`, is no
// display device.
Result<const PciDevice*> find_card(const PciView& pci, std::string_view word, bool any_device = false);

// "VGA controller", "audio device", "USB controller": what a class is called, for people.
std::string class_name(unsigned class_code);
// "0000:01:00.0 (NVIDIA VGA controller 10de:1e04)", for messages.
std::string describe(const PciDevice& device);

}  // namespace vgpukit::system
