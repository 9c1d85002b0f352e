// The displays of a host: the firmware's framebuffer, DRM cards with their connectors, and text consoles.
#pragma once

#include <string>
#include <vector>

#include "system/kernel_parameters.hpp"
#include "system/pci.hpp"

namespace vgpukit::system {

// The platform driver that took over the firmware's framebuffer (drivers/firmware/sysfb.c): efifb, vesafb, simplefb or
// simpledrm.
struct BootFramebuffer {
  std::string driver;    // the folder's name in /sys/bus/platform/drivers: "efi-framebuffer", "simple-framebuffer"
  std::string device;    // "efi-framebuffer.0"
  std::string name;      // in messages and kernel parameters: efifb, vesafb, simpledrm, simplefb
  std::string card;      // the address of the PCI function whose memory it uses; empty: not known
  bool built_in = true;  // into the running kernel; otherwise a module
};

// What disables the driver of the firmware's framebuffer. passthrough plan writes it, and doctor says it.
struct FramebufferSwitch {
  std::string parameter;  // the kernel parameter to add; empty: none helps
  std::string set;        // a parameter for it that is set already, and is not heeded; empty: none
  std::string otherwise;  // what to do if no parameter helps
};
FramebufferSwitch framebuffer_switch(const BootFramebuffer& held, const KernelParameters& running);

struct DrmCard {
  std::string name;                    // card0
  std::string address;                 // of its PCI function; empty if it has none (simpledrm)
  std::string driver;                  // amdgpu, nouveau
  std::vector<std::string> connected;  // connectors with a display: "HDMI-A-1"
};

struct TextConsole {
  std::string name;   // vtcon1
  std::string about;  // "(M) frame buffer device"
  bool bound = false;
};

struct Display {
  std::vector<BootFramebuffer> boot;
  std::vector<DrmCard> cards;
  std::vector<TextConsole> consoles;
  std::string boot_vga;  // the address of the card that the firmware drew on; empty: none, or not known

  // The firmware's framebuffer in this card's memory, or null.
  [[nodiscard]] const BootFramebuffer* held_by_boot(const PciDevice& card) const;
};

Display read_display(const Sysfs& sysfs, const PciView& pci);

}  // namespace vgpukit::system
