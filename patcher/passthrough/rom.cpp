#include "passthrough/rom.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

namespace vgpukit::passthrough {

namespace {

unsigned byte_at(std::string_view bytes, std::size_t at) {
  return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0u;
}

unsigned word_at(std::string_view bytes, std::size_t at) {
  return byte_at(bytes, at) | byte_at(bytes, at + 1) << 8;
}

bool has_signature(std::string_view bytes, std::size_t at) {
  return byte_at(bytes, at) == 0x55 && byte_at(bytes, at + 1) == 0xaa;
}

// The offset of the PCIR structure, or 0.
std::size_t pcir_at(std::string_view bytes, std::size_t image) {
  const auto at = image + word_at(bytes, image + 0x18);
  return at + 0x18 <= bytes.size() && bytes.substr(at, 4) == "PCIR" ? at : 0;
}

std::string hex_digits(unsigned value, int digits = 4) {
  char text[16];
  std::snprintf(text, sizeof text, "%0*x", digits, value);
  return text;
}

Error no_rom(const std::string& why) {
  return {ErrorKind::usage, "read the ROM", why,
          "a card's ROM begins with the bytes 55 AA; vgpukit passthrough rom CARD reads it from the card"};
}

// Its destructor writes the text to the file.
class WriteAtEnd {
 public:
  WriteAtEnd(Sysfs& sysfs, std::string file, const char* text) : sysfs_(sysfs), file_(std::move(file)), text_(text) {}
  WriteAtEnd(const WriteAtEnd&) = delete;
  WriteAtEnd& operator=(const WriteAtEnd&) = delete;
  ~WriteAtEnd() { sysfs_.write(file_, text_); }

 private:
  Sysfs& sysfs_;
  std::string file_;
  const char* text_;
};

}  // namespace

bool Rom::has(RomImage::Kind kind) const {
  return std::any_of(images.begin(), images.end(), [&](const RomImage& image) { return image.kind == kind; });
}

Result<Rom> parse_rom(std::string_view bytes) {
  if (bytes.size() < 0x1a) return no_rom("it has only " + std::to_string(bytes.size()) + " bytes");
  Rom rom;
  // The first 55 AA with a PCIR structure. Images have multiples of 512 bytes; the header of a file can have any
  // length.
  while (rom.leading + 1 < bytes.size() && !(has_signature(bytes, rom.leading) && pcir_at(bytes, rom.leading) != 0))
    ++rom.leading;
  if (rom.leading + 1 >= bytes.size()) {
    if (has_signature(bytes, 0)) return no_rom("it begins with 55 AA, but has no PCIR structure");
    return no_rom("it begins with " + hex_digits(byte_at(bytes, 0), 2) + " " + hex_digits(byte_at(bytes, 1), 2) +
                  ", and has no 55 AA with a PCIR structure");
  }
  for (auto at = rom.leading; at < bytes.size() && !rom.complete;) {
    const auto pcir = has_signature(bytes, at) ? pcir_at(bytes, at) : 0;
    if (pcir == 0) break;
    RomImage image;
    image.offset = at;
    image.length = std::size_t{word_at(bytes, pcir + 0x10)} * 512;
    image.vendor = word_at(bytes, pcir + 4);
    image.device = word_at(bytes, pcir + 6);
    image.code_type = byte_at(bytes, pcir + 0x14);
    if (image.code_type == 0) image.kind = RomImage::Kind::legacy;
    if (image.code_type == 3) image.kind = RomImage::Kind::efi;
    if (image.length == 0 || image.length > bytes.size() - at)
      return no_rom("image " + std::to_string(rom.images.size() + 1) + " says that it has " +
                    std::to_string(image.length) + " bytes, and " + std::to_string(bytes.size() - at) +
                    " are left: it was cut off");
    if (image.kind == RomImage::Kind::legacy) {
      unsigned sum = 0;
      // The checksum covers the length in the third byte. The length in PCIR can be larger.
      const auto length = std::min<std::size_t>(std::size_t{byte_at(bytes, at + 2)} * 512, image.length);
      for (std::size_t i = 0; i < length; ++i) sum += byte_at(bytes, at + i);
      image.checksum = (sum & 0xffu) == 0;
    }
    rom.complete = (byte_at(bytes, pcir + 0x15) & 0x80u) != 0;
    at += image.length;
    rom.images.push_back(image);
  }
  return rom;
}

std::vector<std::string> rom_problems(const Rom& rom, const system::PciDevice* card) {
  std::vector<std::string> problems;
  if (rom.leading > 0)
    problems.push_back("it has a header of " + std::to_string(rom.leading) +
                       " bytes in front of the ROM, which QEMU does not skip");
  for (const auto& image : rom.images) {
    const auto ids = hex_digits(image.vendor) + ":" + hex_digits(image.device);
    if (card && (image.vendor != card->vendor || image.device != card->device))
      problems.push_back("it is for the device " + ids + ", and the card is " + card->ids());
    else if (!card && image.vendor != 0x10de)
      problems.push_back("it is for a device that is not NVIDIA's (" + ids + ")");
    if (!image.checksum)
      problems.push_back("the bytes of its legacy image do not add up to 0: it was changed or read wrongly");
  }
  if (!rom.complete) problems.emplace_back("its last image is missing");
  if (!rom.has(RomImage::Kind::efi))
    problems.emplace_back("it has no EFI image: a guest with UEFI shows nothing before its driver starts");
  std::sort(problems.begin(), problems.end());
  problems.erase(std::unique(problems.begin(), problems.end()), problems.end());
  return problems;
}

Result<std::string> read_card_rom(Sysfs& sysfs, const system::PciDevice& card) {
  const auto file = card.folder() + "/rom";
  const auto tried = "read the ROM of " + card.address;
  if (!sysfs.exists(file))
    return Error{ErrorKind::failed, tried, "the card has none (" + file + " does not exist)",
                 "laptops have it in the firmware: get it from the firmware's update file"};
  // A card that sleeps answers nothing. With vfio-pci it sleeps as long as no guest has it.
  const auto power = card.folder() + "/power/control";
  std::optional<WriteAtEnd> sleep;
  if (sysfs.read(power).text == "auto" && sysfs.write(power, "on") == 0) sleep.emplace(sysfs, power, "auto");
  if (const int error = sysfs.write(file, "1"); error != 0) {
    if (error == EACCES || error == EPERM)
      return Error{ErrorKind::denied, tried, "only root can read it", "run it with sudo", {}, error};
    return Error{ErrorKind::failed, tried, std::string("it cannot be switched on: ") + std::strerror(error), ""};
  }
  const WriteAtEnd off(sysfs, file, "0");
  auto read = sysfs.read_bytes(file);
  if (read.error == 0 && !read.text.empty()) return std::move(read.text);
  const std::string others =
      "get the ROM with nvflash or GPU-Z on another system, or from the firmware's update file (laptops); "
      "vgpukit passthrough rom FILE checks it";
  if (read.error == EIO) {
    const bool boot = card.boot_vga.value_or(false);
    return Error{ErrorKind::failed, tried,
                 boot ? "Input/output error: the firmware drew on this card (boot_vga is 1), so its ROM is shadowed"
                      : "Input/output error: the kernel sees no ROM at the card's address (no 55 AA): the card has "
                        "none, or the firmware has it, as in laptops",
                 boot ? "boot with another card as the primary display and try again; or " + others : others};
  }
  if (read.error != 0) return Error{ErrorKind::failed, tried, std::strerror(read.error), others};
  return Error{ErrorKind::failed, tried, "the kernel returns no bytes", others};
}

}  // namespace vgpukit::passthrough
