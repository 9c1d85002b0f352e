// NVIDIA cards: chips, drivers and IOMMU groups.
#include <algorithm>
#include <array>

#include "doctor/checks.hpp"
#include "support/text.hpp"
#include "system/nvidia_chips.hpp"

namespace vgpukit::doctor::check {

namespace {

std::string name_of(const system::PciDevice& card) {
  return system::chip_text(card.device, card.subsystem_device);
}

Evidence driver_of(const system::PciDevice& device) {
  return {device.folder() + "/driver", device.driver.empty() ? "none" : device.driver};
}

std::string branches(const system::Chip& chip, bool vgpus) {
  const auto up_to = [](unsigned branch) {
    return branch == 0 ? std::string("including the newest") : "up to " + std::to_string(branch);
  };
  auto text = "driver branches " + up_to(chip.last_branch);
  if (vgpus) text += ", for vGPUs " + up_to(chip.last_vgpu);
  if (!chip.open_modules) return text + "; no open modules";
  return text + (chip.closed_modules ? "; open modules, too" : "; open modules only");
}

// The version of the loaded driver: "535.247.02", or empty.
std::string loaded_version(const Sysfs& sysfs) {
  return sysfs.read("/sys/module/nvidia/version").text;
}

bool loaded_is_open(const Sysfs& sysfs) {
  return contains(sysfs.read("/proc/driver/nvidia/version").text, "Open Kernel Module");
}

}  // namespace

Findings cards_here(const CheckInput& input) {
  const auto& pci = input.view.pci;
  if (!pci.readable)
    return {{.state = State::unknown,
             .what = "the PCI devices cannot be read",
             .evidence = {{"/sys/bus/pci/devices", "not there"}},
             .why = "the cards cannot be checked",
             .next = "check that /sys is mounted"}};
  Findings findings;
  for (const auto& device : pci.devices) {
    if (device.unreadable.empty()) continue;
    Finding finding{.subject = device.address,
                    .state = State::unknown,
                    .what = "a device cannot be read",
                    .why = "the other findings about it can be wrong"};
    for (const auto& file : device.unreadable) finding.evidence.push_back({device.folder(), file});
    finding.next =
        "run vgpukit doctor as root; if root cannot read it either, the device has failed: see the kernel log";
    findings.push_back(std::move(finding));
  }
  const auto cards = pci.nvidia_cards();
  if (cards.empty())
    findings.push_back(
        {.state = State::warn,
         .what = "this host has no NVIDIA card",
         .evidence = {{"/sys/bus/pci/devices",
                       std::to_string(pci.devices.size()) + " devices, none with vendor 10de and class 03"}},
         .why = "vGPUs need an NVIDIA card; cards of other makers can only be passed through whole",
         .next =
             "check that the card is seated and powered, and that the firmware's setup enables its slot and Above 4G "
             "Decoding"});
  return findings;
}

Findings cards_one_driver(const CheckInput& input) {
  // Of the cards that NVIDIA's driver would have.
  const system::PciDevice* oldest = nullptr;
  const system::PciDevice* newest = nullptr;
  const auto last = [](const system::PciDevice& card) {
    const auto chip = system::chip_of(card.device);
    return chip && chip->last_branch == 0 ? ~0u : chip ? chip->last_branch : 0u;
  };
  for (const auto* card : input.view.pci.nvidia_cards()) {
    if (!system::chip_of(card->device) || card->driver == "vfio-pci") continue;
    if (!oldest || last(*card) < last(*oldest)) oldest = card;
    if (!newest || last(*card) > last(*newest)) newest = card;
  }
  if (!oldest || last(*oldest) == last(*newest)) return {};
  const auto branch = std::to_string(last(*oldest));
  return {{.state = State::warn,
           .what = "no driver newer than " + branch + " supports both cards",
           .evidence = {{oldest->address, name_of(*oldest) + ": up to " + branch}, {newest->address, name_of(*newest)}},
           .why = "a host can have only one NVIDIA driver, and the older card needs an old one",
           .next = "give " + oldest->address + " to vfio-pci or to nouveau, or remove it"}};
}

Findings card_branch(const CheckInput& input) {
  const auto& view = input.view;
  const auto loaded = loaded_version(input.sysfs);
  const auto version = Version::leading(loaded);
  const unsigned branch = version ? version->parts.front() : 0;
  Findings findings;
  for (const auto* card : view.pci.nvidia_cards()) {
    const auto chip = system::chip_of(card->device);
    Finding finding{
        .subject = card->address, .what = name_of(*card), .evidence = {{card->folder() + "/device", card->ids()}}};
    if (!chip) {
      finding.state = State::unknown;
      finding.why = "it is not known which drivers support it";
      finding.next =
          "look for " + card->ids() + " in NVIDIA's list of supported GPUs (appendix A of the driver's README)";
      findings.push_back(std::move(finding));
      continue;
    }
    finding.what += ": " + branches(*chip, system::has_vgpus(card->device));
    const auto* refused = view.log.find("NVIDIA GPU " + card->address);
    if (loaded.empty() || card->driver == "vfio-pci") {
      // No NVIDIA driver serves the card, so none can be wrong.
    } else if (chip->last_branch != 0 && branch > chip->last_branch) {
      finding.state = State::fail;
      finding.what = name_of(*card) + " is too old for the driver " + loaded;
      finding.evidence.push_back({"/sys/module/nvidia/version", loaded});
      finding.why = "branch " + std::to_string(chip->last_branch) + " is the last that supports " +
                    std::string(chip->generation) + " chips";
      finding.next = "install a driver of branch " + std::to_string(chip->last_branch);
    } else if (!chip->open_modules && loaded_is_open(input.sysfs)) {
      finding.state = State::fail;
      finding.what = name_of(*card) + " is too old for the open kernel modules";
      finding.evidence.push_back({"/proc/driver/nvidia/version", "Open Kernel Module"});
      finding.why = "they need a GSP, which only Turing and newer chips have";
      finding.next = "install the same driver with its proprietary modules";
    }
    if (refused && finding.state != State::ok) finding.evidence.push_back({view.log.source, *refused});
    findings.push_back(std::move(finding));
  }
  return findings;
}

Findings card_driver(const CheckInput& input) {
  Findings findings;
  for (const auto* card : input.view.pci.nvidia_cards()) {
    Finding finding{.subject = card->address, .evidence = {driver_of(*card)}};
    if (card->driver == "vfio-pci") {
      finding.what = "vfio-pci has the card, for a guest";
    } else if (card->driver == "nvidia") {
      finding.what = "the driver nvidia has the card";
    } else if (card->driver.empty()) {
      finding.what = "no driver has the card";
      finding.next = "vgpukit install DRIVER and vgpukit load, or vgpukit passthrough bind " + card->address;
    } else {
      finding.state = State::fail;
      finding.what = card->driver + " has the card";
      finding.why = "neither NVIDIA's driver nor a guest can use it meanwhile";
      // The module's name. The driver of nova_core was called NovaCore at first.
      const auto module =
          card->driver == "NovaCore" || card->driver.starts_with("nova") ? std::string("nova_core") : card->driver;
      finding.next = "for passthrough: vgpukit passthrough plan " + card->address + "; for vGPUs: blacklist " + module +
                     ", rebuild the initramfs and reboot";
    }
    findings.push_back(std::move(finding));
  }
  return findings;
}

Findings card_functions(const CheckInput& input) {
  Findings findings;
  for (const auto* card : input.view.pci.nvidia_cards()) {
    if (card->driver != "vfio-pci") continue;
    for (const auto* each : input.view.pci.functions_of(*card)) {
      if (each == card || each->driver == "vfio-pci" || each->driver.empty()) continue;
      findings.push_back(
          {.subject = each->address,
           .state = State::fail,
           .what = "the card's " + system::class_name(each->class_code) + " still belongs to " + each->driver,
           .evidence = {driver_of(*card), driver_of(*each)},
           .why = "all functions of a card must go to one guest: otherwise the group is not viable, or the host can "
                  "freeze when the guest starts",
           .next = "for every boot: vgpukit passthrough apply " + card->address +
                   "; until the next boot: vgpukit passthrough bind " + card->address});
    }
  }
  return findings;
}

Findings card_group(const CheckInput& input) {
  const auto& view = input.view;
  Findings findings;
  for (const auto* card : view.pci.nvidia_cards()) {
    if (!card->group) continue;
    const auto members = system::group_members(view.pci, *card);
    Finding finding{.subject = card->address,
                    .evidence = {{card->folder() + "/iommu_group", std::to_string(*card->group)}}};
    if (members.alone()) {
      finding.what = "the card has IOMMU group " + std::to_string(*card->group) + " for itself";
      findings.push_back(std::move(finding));
      continue;
    }
    finding.state = State::warn;
    finding.what = "the card shares IOMMU group " + std::to_string(*card->group) + " with " +
                   std::to_string(members.other_devices.size()) + " other device" +
                   (members.other_devices.size() == 1 ? "" : "s");
    std::size_t needed = 0;
    for (const auto* each : members.other_devices) {
      const auto reason = system::host_needs(*each);
      if (!reason.empty()) ++needed;
      finding.evidence.push_back(
          {each->folder() + "/iommu_group", system::describe(*each) + (reason.empty() ? "" : ": " + reason)});
    }
    finding.why = needed > 0
                      ? "a guest gets the whole group, and the host may need a part of it (vGPUs do not need the "
                        "group)"
                      : "a guest gets the whole group (vGPUs do not need the group)";
    if (needed > 0) finding.state = card->driver == "vfio-pci" ? State::fail : State::warn;
    const auto slots = system::better_slots(input.sysfs, view.pci, *card);
    finding.next =
        slots.empty()
            ? "put the card into another slot, one that is connected to the processor, and run vgpukit doctor again"
            : "put the card into the slot behind " + slots.front().port->address + ", which has a group of its own";
    findings.push_back(std::move(finding));
  }
  return findings;
}

Findings card_reset(const CheckInput& input) {
  if (!input.view.kernel_is_at_least("5.15")) return {};
  Findings findings;
  for (const auto* card : input.view.pci.nvidia_cards()) {
    if (!card->reset_methods.empty() || !input.sysfs.exists(card->folder() + "/iommu_group")) continue;
    findings.push_back({.subject = card->address,
                        .state = State::warn,
                        .what = "the kernel cannot reset the card",
                        .evidence = {{card->folder() + "/reset_method", "none"}},
                        .why = "when a guest starts again, its driver may fail to start the card",
                        .next = "reboot the host before the card goes to another guest, or to the same one again"});
  }
  return findings;
}

}  // namespace vgpukit::doctor::check
