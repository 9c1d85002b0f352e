// Who draws: the framebuffer that the firmware left, DRM cards and what is plugged into them, and text consoles.
#pragma once

#include <string>
#include <vector>

#include "system/pci.hpp"

namespace vgpukit::system {

// The platform driver that took over the firmware's framebuffer (drivers/firmware/sysfb.c): efifb, vesafb, simplefb or
// simpledrm.
struct BootFramebuffer {
  std::string driver;  // as its folder in /sys/bus/platform/drivers is called: "efi-framebuffer", "simple-framebuffer"
  std::string device;  // "efi-framebuffer.0"
  std::string name;    // what people and kernel parameters call it: efifb, vesafb, simpledrm, simplefb
  std::string card;    // the address of the PCI function whose memory it is; empty: not known
};

struct DrmCard {
  std::string name;                    // card0
  std::string address;                 // of its PCI function; empty for others (simpledrm)
  std::string driver;                  // amdgpu, nouveau
  std::vector<std::string> connected;  // connectors with a display: "HDMI-A-1"
};

struct Framebuffer {
  std::string name;     // fb0
  std::string driver;   // as it calls itself: "EFI VGA", "nouveaudrmfb"
  std::string address;  // of its PCI function; may be empty
};

struct TextConsole {
  std::string name;   // vtcon1
  std::string about;  // "(M) frame buffer device"
  bool bound = false;
};

struct Display {
  std::vector<BootFramebuffer> boot;
  std::vector<DrmCard> cards;
  std::vector<Framebuffer> framebuffers;
  std::vector<TextConsole> consoles;
  std::string boot_vga;  // the card that the firmware drew on; empty: none, or not told

  // The firmware's framebuffer, while it holds this card's memory; null when none does.
  [[nodiscard]] const BootFramebuffer* held_by_boot(const PciDevice& card) const;
  // Whether a display hangs on a card other than this one. Nothing is known of cards without a DRM driver.
  [[nodiscard]] bool display_elsewhere(const PciDevice& card) const;
};

Display read_display(const Sysfs& sysfs, const PciView& pci);

}  // namespace vgpukit::system
