#include "vgpu/vgpu_xml.hpp"

#include <algorithm>

namespace vgpukit::vgpu {

namespace {

std::string escaped(const std::string& text) {
  std::string all;
  for (const char each : text) {
    if (each == '&')
      all += "&amp;";
    else if (each == '<')
      all += "&lt;";
    else if (each == '\'')
      all += "&apos;";
    else
      all += each;
  }
  return all;
}

}  // namespace

std::string hostdev_xml(const Vgpu& device) {
  const auto& name = device.name;
  if (device.interface == VgpuInterface::mdev)
    return "<hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci'>\n"
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

Result<std::string> nodedev_xml(const Vgpu& device) {
  const auto tried = "print the nodedev XML of " + device.name;
  if (device.interface == VgpuInterface::vendor_vfio)
    return Error{ErrorKind::usage, tried, "libvirt keeps no definition of a virtual function",
                 "vgpukit vgpu define " + device.name + " does; the XML for a domain is printed without --persistent"};
  if (pci_address(device.parent) != device.parent)
    return Error{ErrorKind::usage, tried, "its parent " + device.parent + " is no PCI function", ""};
  // The names that libvirt itself gives to both. It wants one for the new device, too, and then makes its own.
  const auto word = [](std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char each) { return each == ':' || each == '.' || each == '-'; }, '_');
    return text;
  };
  return "<device>\n  <name>mdev_" + word(device.name + "_" + device.parent) + "</name>\n  <parent>pci_" +
         word(device.parent) + "</parent>\n  <capability type='mdev'>\n    <type id='" + escaped(device.type) +
         "'/>\n    <uuid>" + device.name + "</uuid>\n  </capability>\n</device>\n";
}

std::string qemu_device(const Vgpu& device) {
  return "vfio-pci,sysfsdev=/sys/bus/" + std::string(device.interface == VgpuInterface::mdev ? "mdev" : "pci") +
         "/devices/" + device.name;
}

std::string proxmox_option(const Vgpu& device) {
  // hostpci0's own mdev= would make a device of its own; this takes the one that is there.
  if (device.interface == VgpuInterface::mdev) return "-args '-device " + qemu_device(device) + "'";
  return "-hostpci0 " + device.name;
}

}  // namespace vgpukit::vgpu
