// A card's expansion ROM: reading it out of sysfs, and what is in it (PCI Firmware Specification 3.3, chapter 5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "system/pci.hpp"

namespace vgpukit::passthrough {

struct RomImage {
  enum class Kind { legacy, efi, other };
  Kind kind = Kind::other;
  unsigned code_type = 0;  // as PCIR has it: 0 is legacy x86, 3 is EFI
  std::size_t offset = 0, length = 0;
  unsigned vendor = 0, device = 0;
  bool checksum = true;  // all bytes of a legacy image add up to 0; others have no sum
};

struct Rom {
  std::size_t leading =
      0;  // bytes before the first image: nvflash and makers' update files put a header of their own there
  std::vector<RomImage> images;
  bool complete = false;  // the last image says that it is the last
  [[nodiscard]] bool has(RomImage::Kind kind) const;
};

// Error: usage for what is no ROM: no 0x55AA, no PCIR, an image that is longer than the file.
Result<Rom> parse_rom(std::string_view bytes);

// What is wrong with it for this card (none: any): one clause each. None: nothing is.
std::vector<std::string> rom_problems(const Rom& rom, const system::PciDevice* card);

// The bytes of the card's ROM. It is switched on, read, and switched off again, whatever happens in between. Error:
// missing when that needs root; failed, with what the errno means for this card and what remains to be done.
Result<std::string> read_card_rom(Sysfs& sysfs, const system::PciDevice& card);

}  // namespace vgpukit::passthrough
