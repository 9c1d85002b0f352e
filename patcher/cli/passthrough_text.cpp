#include "cli/passthrough_text.hpp"

#include <algorithm>

#include "support/text.hpp"
#include "system/nvidia_chips.hpp"

namespace vgpukit::cli {

namespace {

// Groups with NVIDIA cards first, then other graphics, then the rest; each kind in the order of numbers.
std::vector<const system::IommuGroup*> ordered(const std::vector<system::IommuGroup>& groups) {
  const auto rank = [](const system::IommuGroup* group) {
    int best = 2;
    for (const auto* device : group->devices)
      best = std::min(best, device->is_nvidia_card() ? 0 : device->is_display() ? 1 : 2);
    return best;
  };
  std::vector<const system::IommuGroup*> all;
  for (const auto& group : groups) all.push_back(&group);
  std::stable_sort(all.begin(), all.end(),
                   [&](const system::IommuGroup* a, const system::IommuGroup* b) { return rank(a) < rank(b); });
  return all;
}

std::string name_of(const system::PciDevice& device) {
  if (device.is_nvidia_card()) return system::chip_text(device.device, device.subsystem_device);
  return system::class_name(device.class_code);
}

std::string slot_text(const system::Slot& slot) {
  auto text = "behind " + slot.port->address;
  if (!slot.name.empty()) text += " (slot " + slot.name + ")";
  if (slot.port->max_link_width != 0) text += ", x" + std::to_string(slot.port->max_link_width);
  return text + (slot.occupants.empty() ? ", free" : ", holds " + system::describe(*slot.occupants.front()));
}

std::string warning_text(const Sysfs& sysfs, const system::PciView& pci, const system::PciDevice& card,
                         const Style& style) {
  const auto mates = system::group_members(pci, card);
  if (mates.alone()) return "";
  std::string text =
      style.yellow("  ! ") + card.address + " cannot be given to a guest alone: it shares its group with\n";
  for (const auto* each : mates.other_devices) {
    const auto reason = system::host_needs(*each);
    text += "      " + system::describe(*each) + (reason.empty() ? "" : ": " + reason) + "\n";
  }
  const auto slots = system::better_slots(sysfs, pci, card);
  if (slots.empty())
    return text +
           "    no other slot with a group of its own was found; slots of the processor itself usually have one\n";
  text += "    slots with a group of their own:\n";
  for (const auto& slot : slots) text += "      " + slot_text(slot) + "\n";
  return text;
}

const char* kind_name(passthrough::RomImage::Kind kind) {
  return kind == passthrough::RomImage::Kind::legacy ? "legacy"
         : kind == passthrough::RomImage::Kind::efi  ? "EFI"
                                                     : "other";
}

}  // namespace

std::string groups_text(const Sysfs& sysfs, const system::PciView& pci, const std::vector<system::IommuGroup>& groups,
                        const Style& style) {
  std::string text;
  for (const auto* group : ordered(groups)) {
    text +=
        style.bold("group " + std::to_string(group->number)) + (group->type.empty() ? "" : "  " + group->type) + "\n";
    for (const auto* device : group->devices) {
      text += "  " + device->address + "  " + device->ids() + "  " + name_of(*device);
      text += "  driver: " + (device->driver.empty() ? "none" : device->driver);
      if (!device->reset_methods.empty()) text += "  reset: " + join(device->reset_methods, " ");
      text += "\n";
    }
    for (const auto* device : group->devices)
      if (device->is_display() && !device->is_virtual_function && device->class_code >> 8 != 0x0380)
        text += warning_text(sysfs, pci, *device, style);
  }
  return text;
}

nlohmann::json groups_json(const Sysfs& sysfs, const system::PciView& pci,
                           const std::vector<system::IommuGroup>& groups) {
  auto all = nlohmann::json::array();
  for (const auto* group : ordered(groups)) {
    auto devices = nlohmann::json::array();
    for (const auto* device : group->devices)
      devices.push_back({{"address", device->address},
                         {"ids", device->ids()},
                         {"class", system::class_name(device->class_code)},
                         {"name", name_of(*device)},
                         {"driver", device->driver},
                         {"reset", device->reset_methods},
                         {"bridge", device->bridge},
                         {"nvidia", device->is_nvidia()},
                         {"boot_vga", device->boot_vga ? nlohmann::json(*device->boot_vga) : nlohmann::json()}});
    all.push_back({{"group", group->number}, {"type", group->type}, {"devices", std::move(devices)}});
  }
  auto cards = nlohmann::json::array();
  for (const auto& device : pci.devices) {
    if (!device.is_display() || device.is_virtual_function || !device.group) continue;
    const auto mates = system::group_members(pci, device);
    auto shares = nlohmann::json::array();
    for (const auto* each : mates.other_devices)
      shares.push_back({{"address", each->address}, {"host_needs", system::host_needs(*each)}});
    auto slots = nlohmann::json::array();
    if (!mates.alone())
      for (const auto& slot : system::better_slots(sysfs, pci, device))
        slots.push_back({{"port", slot.port->address},
                         {"slot", slot.name},
                         {"lanes", slot.port->max_link_width},
                         {"free", slot.occupants.empty()}});
    cards.push_back({{"address", device.address},
                     {"group", *device.group},
                     {"shares_with", std::move(shares)},
                     {"better_slots", std::move(slots)}});
  }
  return {{"groups", std::move(all)}, {"cards", std::move(cards)}};
}

std::string rom_text(const passthrough::Rom& rom, std::size_t bytes, const std::vector<std::string>& problems,
                     const Style& style) {
  std::string text = std::to_string(bytes) + " bytes, " + std::to_string(rom.images.size()) + " image" +
                     (rom.images.size() == 1 ? "" : "s") + "\n";
  for (const auto& image : rom.images) {
    char line[160];
    std::snprintf(line, sizeof line, "  %-6s  %04x:%04x  at %zu, %zu bytes%s\n", kind_name(image.kind), image.vendor,
                  image.device, image.offset, image.length,
                  image.kind == passthrough::RomImage::Kind::legacy
                      ? (image.checksum ? ", sum is right" : ", sum is wrong")
                      : "");
    text += line;
  }
  for (const auto& problem : problems) text += style.yellow("! ") + problem + "\n";
  return text;
}

nlohmann::json rom_json(const passthrough::Rom& rom, std::size_t bytes, const std::vector<std::string>& problems) {
  auto images = nlohmann::json::array();
  for (const auto& image : rom.images)
    images.push_back({{"kind", kind_name(image.kind)},
                      {"code_type", image.code_type},
                      {"offset", image.offset},
                      {"bytes", image.length},
                      {"vendor", image.vendor},
                      {"device", image.device},
                      {"checksum", image.checksum}});
  return {{"bytes", bytes}, {"header", rom.leading}, {"images", std::move(images)}, {"problems", problems}};
}

}  // namespace vgpukit::cli
