#include "vgpu/vgpu_xml.hpp"

#include <algorithm>

#include "support/text.hpp"

namespace vgpukit::vgpu {

std::string hostdev_xml(const Vgpu& device, bool display) {
  const auto& name = device.name;
  if (device.interface == VgpuInterface::mdev)
    return "<hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci'" +
           std::string(display ? " display='on' ramfb='on'" : "") +
           ">\n"
           "  <source>\n"
           "    <address uuid='" +
           name +
           "'/>\n"
           "  </source>\n"
           "</hostdev>\n";
  return "<hostdev mode='subsystem' type='pci' managed='no'>\n"
         "  <source>\n"
         "    " +
         libvirt_address(name) +
         "\n"
         "  </source>\n"
         "</hostdev>\n";
}

Result<std::string> nodedev_xml(const Vgpu& device, const Attributes& attributes) {
  const auto tried = "print the nodedev XML of " + device.name;
  if (device.interface == VgpuInterface::vendor_vfio)
    return Error{ErrorKind::usage, tried, "libvirt keeps no definition of a virtual function",
                 "vgpukit vgpu define " + device.name + " does; the XML for a domain is printed without --persistent"};
  if (pci_address(device.parent) != device.parent)
    return Error{ErrorKind::usage, tried, "its parent " + device.parent + " is no PCI function", ""};
  // libvirt's own names for both. It requires a name for the new device, but replaces it.
  const auto word = [](std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char each) { return each == ':' || each == '.' || each == '-'; }, '_');
    return text;
  };
  std::string lines;
  for (const auto& [name, value] : attributes)
    lines += "    <attr name='" + xml_escaped(name) + "' value='" + xml_escaped(value) + "'/>\n";
  return "<device>\n  <name>mdev_" + word(device.name + "_" + device.parent) + "</name>\n  <parent>pci_" +
         word(device.parent) + "</parent>\n  <capability type='mdev'>\n    <type id='" + xml_escaped(device.type) +
         "'/>\n    <uuid>" + device.name + "</uuid>\n" + lines + "  </capability>\n</device>\n";
}

std::string qemu_device(const Vgpu& device, bool display) {
  // ramfb is not for a device that can be unplugged.
  return std::string(display ? "vfio-pci-nohotplug,display=on,ramfb=on" : "vfio-pci") + ",sysfsdev=/sys/bus/" +
         std::string(device.interface == VgpuInterface::mdev ? "mdev" : "pci") + "/devices/" + device.name;
}

std::string proxmox_option(const Vgpu& device, bool display) {
  // hostpci0's mdev= would make another device; -args takes the existing one.
  if (device.interface == VgpuInterface::mdev)
    return "-args '-device " + qemu_device(device, display) + " -uuid VM-UUID'";
  return "-hostpci0 " + device.name;
}

}  // namespace vgpukit::vgpu
