#include "system/pci.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include "support/number.hpp"
#include "support/text.hpp"

namespace vgpukit::system {

namespace {

// Reads the files of a device. A missing file is no problem (kernels differ); one that cannot be read is recorded.
class DeviceFiles {
 public:
  DeviceFiles(const Sysfs& sysfs, PciDevice& device) : sysfs_(sysfs), device_(device) {}

  std::optional<std::string> text(const char* name) {
    auto read = sysfs_.read(device_.folder() + "/" + name);
    if (read.error == 0) return std::move(read.text);
    if (read.error != ENOENT) device_.unreadable.push_back(std::string(name) + ": " + std::strerror(read.error));
    return std::nullopt;
  }
  unsigned number(const char* name) { return number_after<unsigned>("0x", text(name).value_or(""), 16).value_or(0); }

 private:
  const Sysfs& sysfs_;
  PciDevice& device_;
};

PciDevice device_at(const Sysfs& sysfs, const std::string& address) {
  PciDevice device;
  device.address = address;
  DeviceFiles files(sysfs, device);
  device.vendor = files.number("vendor");
  device.device = files.number("device");
  device.subsystem_vendor = files.number("subsystem_vendor");
  device.subsystem_device = files.number("subsystem_device");
  device.class_code = files.number("class");
  device.revision = files.number("revision");
  device.modalias = files.text("modalias").value_or("");
  device.driver = sysfs.link_name(device.folder() + "/driver");
  if (!device.driver.empty())
    device.driver_module = sysfs.link_name("/sys/bus/pci/drivers/" + device.driver + "/module");
  device.driver_override = files.text("driver_override").value_or("");
  if (device.driver_override == "(null)") device.driver_override.clear();
  device.group = number_in<unsigned>(sysfs.link_name(device.folder() + "/iommu_group"));
  device.reset_methods = split_words(files.text("reset_method").value_or(""));
  if (device.is_display())
    if (const auto vga = files.text("boot_vga")) device.boot_vga = *vga == "1";
  device.max_link_width = number_in<unsigned>(files.text("max_link_width").value_or("")).value_or(0);
  if (device.max_link_width == 255) device.max_link_width = 0;  // the kernel's number for "unknown"
  device.is_virtual_function = !sysfs.link(device.folder() + "/physfn").empty();
  // The link ends in .../BRIDGE/ADDRESS, or in .../pci0000:00/ADDRESS on a root bus.
  auto path = sysfs.link(device.folder());
  path.erase(std::min(path.rfind('/'), path.size()));
  device.bridge = path.substr(path.rfind('/') + 1);
  if (pci_address(device.bridge) != device.bridge) device.bridge.clear();
  return device;
}

std::string vendor_name(unsigned vendor) {
  switch (vendor) {
    case 0x10de:
      return "NVIDIA ";
    case 0x1002:
    case 0x1022:
      return "AMD ";
    case 0x8086:
      return "Intel ";
    default:
      return "";
  }
}

std::string cards_here(const PciView& pci) {
  std::string list;
  for (const auto& device : pci.devices)
    if (device.is_display() && !device.is_virtual_function) append(list, describe(device));
  return list.empty() ? "this host has no graphics card; lspci lists its devices" : "the cards of this host: " + list;
}

}  // namespace

std::string PciDevice::ids() const {
  char text[16];
  std::snprintf(text, sizeof text, "%04x:%04x", vendor & 0xffffu, device & 0xffffu);
  return text;
}

const PciDevice* PciView::find(std::string_view address) const {
  const auto found =
      std::find_if(devices.begin(), devices.end(), [&](const PciDevice& each) { return each.address == address; });
  return found == devices.end() ? nullptr : &*found;
}

std::vector<const PciDevice*> PciView::functions_of(const PciDevice& device) const {
  std::vector<const PciDevice*> functions;
  for (const auto& each : devices)
    if (each.address == device.address ||
        (!device.is_virtual_function && !each.is_virtual_function && each.slot() == device.slot()))
      functions.push_back(&each);
  return functions;
}

std::vector<const PciDevice*> PciView::behind(const PciDevice& bridge) const {
  std::vector<const PciDevice*> all;
  for (const auto& device : devices) {
    const auto* above = find(device.bridge);
    while (above && above->address != bridge.address) above = find(above->bridge);
    if (above) all.push_back(&device);
  }
  return all;
}

std::vector<const PciDevice*> PciView::nvidia_cards() const {
  std::vector<const PciDevice*> cards;
  for (const auto& device : devices)
    if (device.is_nvidia_card()) cards.push_back(&device);
  return cards;
}

PciView read_pci_devices(const Sysfs& sysfs) {
  PciView view;
  view.readable = sysfs.exists("/sys/bus/pci/devices");
  for (const auto& name : sysfs.list("/sys/bus/pci/devices"))
    if (pci_address(name) == name) view.devices.push_back(device_at(sysfs, name));
  std::sort(view.devices.begin(), view.devices.end(),
            [](const PciDevice& a, const PciDevice& b) { return ByAddress()(a.address, b.address); });
  return view;
}

Result<const PciDevice*> find_card(const PciView& pci, std::string_view word, bool any_device) {
  const auto tried = "take '" + std::string(word) + "' as the card";
  auto address = pci_address(word);
  if (!address) address = pci_address(std::string(word) + ".0");
  if (!address)
    return Error{ErrorKind::usage, tried, "it is not a PCI address",
                 "write it as lspci does, such as 01:00.0; " + cards_here(pci)};
  const auto* device = pci.find(*address);
  if (!device) return Error{ErrorKind::usage, tried, "no device has the address " + *address, cards_here(pci)};
  if (device->is_bridge())
    return Error{ErrorKind::usage, tried, "it is a " + class_name(device->class_code) + ", which belongs to the host",
                 cards_here(pci)};
  if (!any_device && !device->is_display())
    return Error{
        ErrorKind::usage, tried, "it is not a graphics card: " + class_name(device->class_code),
        "name the card's first function; bind, hooks, xml and rom take anything with --any-device; " + cards_here(pci)};
  return device;
}

std::string class_name(unsigned class_code) {
  struct Known {
    unsigned code;
    const char* name;
  };
  static constexpr std::array<Known, 21> known = {{{0x0300, "VGA controller"},
                                                   {0x0302, "3D controller"},
                                                   {0x0403, "audio device"},
                                                   {0x0c03, "USB controller"},
                                                   {0x0c80, "serial bus controller"},
                                                   {0x0c05, "SMBus"},
                                                   {0x0600, "host bridge"},
                                                   {0x0601, "ISA bridge"},
                                                   {0x0604, "PCI bridge"},
                                                   {0x0106, "SATA controller"},
                                                   {0x0104, "RAID controller"},
                                                   {0x0107, "SAS controller"},
                                                   {0x0108, "NVMe disk"},
                                                   {0x0200, "Ethernet controller"},
                                                   {0x0280, "network controller"},
                                                   {0x0806, "IOMMU"},
                                                   {0x1080, "signal processing controller"},
                                                   {0x1300, "non-essential instrumentation"},
                                                   {0x0780, "communication controller"},
                                                   {0x0500, "memory controller"},
                                                   {0x0680, "bridge"}}};
  for (const auto& each : known)
    if (each.code == class_code >> 8) return each.name;
  char text[32];
  std::snprintf(text, sizeof text, "device of class %04x", class_code >> 8 & 0xffffu);
  return text;
}

std::string describe(const PciDevice& device) {
  return device.address + " (" + vendor_name(device.vendor) + class_name(device.class_code) + " " + device.ids() + ")";
}

}  // namespace vgpukit::system
