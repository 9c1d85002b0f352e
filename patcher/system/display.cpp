#include "system/display.hpp"

#include <algorithm>

#include "support/text.hpp"

namespace vgpukit::system {

namespace {

// The last PCI address in a path: 0000:01:00.0 in "../../devices/pci0000:00/0000:00:01.0/0000:01:00.0/drm/card0".
std::string address_in(const std::string& path) {
  std::string address;
  for (const auto& part : split(path, '/'))
    if (pci_address(part) == part) address = part;
  return address;
}

// /proc/iomem is a tree by indentation: the framebuffer is below the BAR that holds it, and the BAR is below the
// function's line. Ordinary users get the same lines with all ranges 0.
std::string card_of_range(const Sysfs& sysfs, const std::string& name) {
  std::vector<std::pair<std::size_t, std::string>> above;
  for (const auto& line : lines_of(sysfs.read("/proc/iomem").text)) {
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

// Whether the running kernel has the module built in. Without the lists of modules: a loaded module has a state.
bool is_built_in(const Sysfs& sysfs, const std::string& module) {
  const auto folder = "/lib/modules/" + sysfs.read("/proc/sys/kernel/osrelease").text;
  const auto file = "/" + module + ".ko";
  if (contains(sysfs.read(folder + "/modules.builtin").text, file)) return true;
  if (contains(sysfs.read(folder + "/modules.dep").text, file)) return false;
  return !sysfs.exists("/sys/module/" + module + "/initstate");
}

void add_boot(const Sysfs& sysfs, Display& display) {
  for (const auto* driver : {"efi-framebuffer", "vesa-framebuffer", "simple-framebuffer", "simpledrm"}) {
    const auto folder = std::string("/sys/bus/platform/drivers/") + driver;
    for (const auto& device : sysfs.list(folder)) {
      const auto link = sysfs.link(folder + "/" + device);
      if (link.empty() || device == "module") continue;
      BootFramebuffer boot;
      boot.driver = driver;
      boot.device = device;
      boot.card = address_in(link);  // the link names the PCI function since 6.9
      // simplefb and simpledrm both have the driver name "simple-framebuffer"; only simpledrm makes a DRM card.
      const bool drm = sysfs.exists("/sys/bus/platform/devices/" + device + "/drm");
      boot.name = boot.driver == "efi-framebuffer"    ? "efifb"
                  : boot.driver == "vesa-framebuffer" ? "vesafb"
                  : drm                               ? "simpledrm"
                                                      : "simplefb";
      if (boot.card.empty()) boot.card = card_of_range(sysfs, boot.name);
      if (boot.card.empty()) boot.card = display.boot_vga;
      boot.built_in = is_built_in(sysfs, boot.name);
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

// video=NAME:off is read by efifb and vesafb. simpledrm and simplefb have no parameter: the function that registers
// their driver is left out (drivers/gpu/drm/sysfb/simpledrm.c, drivers/video/fbdev/simplefb.c), or the module is not
// loaded. initcall_blacklist=sysfb_init would prevent their device, but not every kernel heeds it (siderolabs/talos
// #14356).
FramebufferSwitch framebuffer_switch(const BootFramebuffer& held, const KernelParameters& running) {
  FramebufferSwitch found;
  found.otherwise =
      "set the primary display to another card in the firmware's setup, or release it after each boot: echo " +
      held.device + " > /sys/bus/platform/drivers/" + held.driver + "/unbind";
  std::string name = "video", value = held.name + ":off";
  if (held.name != "efifb" && held.name != "vesafb") {
    name = held.built_in ? "initcall_blacklist" : "modprobe.blacklist";
    value = !held.built_in             ? held.name
            : held.name == "simpledrm" ? "simpledrm_platform_driver_init"
                                       : "simplefb_driver_init";
  }
  if (const auto* parameter = running.with(name, value))
    found.set = parameter->text;
  else
    found.parameter = name + "=" + value;
  return found;
}

Display read_display(const Sysfs& sysfs, const PciView& pci) {
  Display display;
  for (const auto& device : pci.devices)
    if (device.boot_vga.value_or(false)) display.boot_vga = device.address;
  add_boot(sysfs, display);
  add_drm(sysfs, display);

  for (const auto& name : sysfs.list("/sys/class/vtconsole"))
    display.consoles.push_back({name, sysfs.read("/sys/class/vtconsole/" + name + "/name").text,
                                sysfs.read("/sys/class/vtconsole/" + name + "/bind").text == "1"});
  return display;
}

}  // namespace vgpukit::system
