// A card's expansion ROM: its images (PCI Firmware Specification 3.3, chapter 5), and how to read it from sysfs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "system/pci.hpp"

namespace vgpukit::passthrough {

struct RomImage {
  enum class Kind { legacy, efi, other };
  Kind kind = Kind::other;
  unsigned code_type = 0;  // in the PCIR structure: 0 is legacy x86, 3 is EFI
  std::size_t offset = 0, length = 0;
  unsigned vendor = 0, device = 0;
  bool checksum = true;  // the bytes of a legacy image must add up to 0; other images have no checksum
};

struct Rom {
  std::size_t leading = 0;  // bytes before the first image: the header of nvflash or of a maker's update file
  std::vector<RomImage> images;
  bool complete = false;  // the last image has the flag of the last image
  [[nodiscard]] bool has(RomImage::Kind kind) const;
};

// Error: usage if it is not a ROM: no 55 AA, no PCIR, or an image that is longer than the file.
Result<Rom> parse_rom(std::string_view bytes);

// What is wrong with the ROM for this card, or for any NVIDIA card if null: one clause each. Empty: nothing.
std::vector<std::string> rom_problems(const Rom& rom, const system::PciDevice* card);

// The bytes of the card's ROM. The card is woken for that. The ROM is switched on, read, and always switched off again.
// Error: denied if that needs root; failed, with the meaning of the errno for this card and what to try.
Result<std::string> read_card_rom(Sysfs& sysfs, const system::PciDevice& card);

}  // namespace vgpukit::passthrough
