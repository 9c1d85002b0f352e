#include "system/display.hpp"

#include <algorithm>
#include <sstream>

namespace vgpukit::system {

namespace {

// The last PCI address in a path: "../../devices/pci0000:00/0000:00:01.0/0000:01:00.0/drm/card0" is about 0000:01:00.0.
std::string address_in(const std::string& path) {
  std::string address;
  std::istringstream parts(path);
  for (std::string part; std::getline(parts, part, '/');)
    if (pci_address(part) == part) address = part;
  return address;
}

// /proc/iomem is a tree by indentation: the framebuffer stands below the BAR that it is in, and that below the
// function's line. All ranges are 0 for who is not root, but the lines are there.
std::string card_of_range(const Sysfs& sysfs, const std::string& name) {
  std::istringstream lines(sysfs.read("/proc/iomem").text);
  std::vector<std::pair<std::size_t, std::string>> above;
  for (std::string line; std::getline(lines, line);) {
    const auto depth = line.find_first_not_of(' ');
    const auto colon = line.find(" : ");
    if (colon == std::string::npos) continue;
    const auto what = line.substr(colon + 3);
    while (!above.empty() && above.back().first >= depth) above.pop_back();
    if (what == name || what == "BOOTFB")
      for (auto each = above.rbegin(); each != above.rend(); ++each)
        if (pci_address(each->second) == each->second) return each->second;
    above.emplace_back(depth, what);
  }
  return "";
}

void add_boot(const Sysfs& sysfs, Display& display) {
  for (const auto* driver : {"efi-framebuffer", "vesa-framebuffer", "simple-framebuffer", "simpledrm"}) {
    const auto folder = std::string("/sys/bus/platform/drivers/") + driver;
    for (const auto& device : sysfs.list(folder)) {
      const auto link = sysfs.link(folder + "/" + device);
      if (link.empty() || device == "module") continue;
      BootFramebuffer boot{driver, device, "", address_in(link)};  // since 6.9 it is a child of its PCI function
      // simplefb and simpledrm are both the driver "simple-framebuffer"; only the latter is a DRM card.
      const bool drm = sysfs.exists("/sys/bus/platform/devices/" + device + "/drm");
      boot.name = boot.driver == "efi-framebuffer"    ? "efifb"
                  : boot.driver == "vesa-framebuffer" ? "vesafb"
                  : drm                               ? "simpledrm"
                                                      : "simplefb";
      if (boot.card.empty()) boot.card = card_of_range(sysfs, boot.name);
      if (boot.card.empty()) boot.card = display.boot_vga;
      display.boot.push_back(std::move(boot));
    }
  }
}

void add_drm(const Sysfs& sysfs, Display& display) {
  const std::string folder = "/sys/class/drm/";
  const auto names = sysfs.list(folder);
  for (const auto& name : names) {
    if (!name.starts_with("card") || name.find('-') != std::string::npos) continue;
    DrmCard card{name, address_in(sysfs.link(folder + name)), sysfs.link_name(folder + name + "/device/driver"), {}};
    for (const auto& connector : names)
      if (connector.starts_with(name + "-") && sysfs.read(folder + connector + "/status").text == "connected")
        card.connected.push_back(connector.substr(name.size() + 1));
    display.cards.push_back(std::move(card));
  }
}

}  // namespace

const BootFramebuffer* Display::held_by_boot(const PciDevice& card) const {
  const auto found =
      std::find_if(boot.begin(), boot.end(), [&](const BootFramebuffer& each) { return each.card == card.address; });
  return found == boot.end() ? nullptr : &*found;
}

bool Display::display_elsewhere(const PciDevice& card) const {
  return std::any_of(cards.begin(), cards.end(),
                     [&](const DrmCard& each) { return each.address != card.address && !each.connected.empty(); });
}

Display read_display(const Sysfs& sysfs, const PciView& pci) {
  Display display;
  for (const auto& device : pci.devices)
    if (device.boot_vga.value_or(false)) display.boot_vga = device.address;
  add_boot(sysfs, display);
  add_drm(sysfs, display);
  for (const auto& name : sysfs.list("/sys/class/graphics"))
    if (name.starts_with("fb") && name != "fbcon")
      display.framebuffers.push_back({name, sysfs.read("/sys/class/graphics/" + name + "/name").text,
                                      address_in(sysfs.link("/sys/class/graphics/" + name))});
  for (const auto& name : sysfs.list("/sys/class/vtconsole"))
    display.consoles.push_back({name, sysfs.read("/sys/class/vtconsole/" + name + "/name").text,
                                sysfs.read("/sys/class/vtconsole/" + name + "/bind").text == "1"});
  return display;
}

}  // namespace vgpukit::system
