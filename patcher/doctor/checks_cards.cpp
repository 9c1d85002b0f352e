// NVIDIA cards: what they are, who has them, and who is in the same group.
#include <algorithm>
#include <array>

#include "doctor/doctor.hpp"
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
    return branch == 0 ? std::string("all new ones") : "up to " + std::to_string(branch);
  };
  auto text = "driver branches " + up_to(chip.last_branch);
  if (vgpus) text += ", for vGPUs " + up_to(chip.last_vgpu);
  if (!chip.open_modules) return text + "; no open modules";
  return text + (chip.closed_modules ? "; open modules, too" : "; open modules only");
}

// The driver that is loaded: "535.247.02", or empty.
std::string loaded_version(const Sysfs& sysfs) {
  return sysfs.read("/sys/module/nvidia/version").text;
}

bool loaded_is_open(const Sysfs& sysfs) {
  return sysfs.read("/proc/driver/nvidia/version").text.find("Open Kernel Module") != std::string::npos;
}

}  // namespace

Findings cards_here(const CheckInput& input) {
  const auto& pci = input.view.pci;
  if (!pci.readable)
    return {{.state = State::unknown,
             .what = "the PCI devices cannot be read",
             .evidence = {{"/sys/bus/pci/devices", "not there"}},
             .why = "nothing can be said about cards",
             .next = "is /sys mounted?"}};
  Findings findings;
  for (const auto& device : pci.devices) {
    if (device.unreadable.empty()) continue;
    Finding finding{.subject = device.address,
                    .state = State::unknown,
                    .what = "a device cannot be read",
                    .why = "what is said of it may be wrong"};
    for (const auto& file : device.unreadable) finding.evidence.push_back({device.folder(), file});
    finding.next = "run vgpukit doctor as root; where that does not help, the device has failed: the kernel log tells";
    findings.push_back(std::move(finding));
  }
  const auto cards = pci.nvidia_cards();
  if (cards.empty())
    findings.push_back(
        {.state = State::warn,
         .what = "no NVIDIA card is here",
         .evidence = {{"/sys/bus/pci/devices",
                       std::to_string(pci.devices.size()) + " devices, none of 10de and class 03"}},
         .why = "vGPUs need one; of other makers' cards only whole ones can be given away",
         .next = "is it seated and powered? Boards hide slots: look for Above 4G Decoding in the firmware's setup"});
  return findings;
}

Findings cards_one_driver(const CheckInput& input) {
  // Those that a driver of NVIDIA's would serve.
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
           .what = "no driver newer than " + branch + " serves both cards",
           .evidence = {{oldest->address, name_of(*oldest) + ": up to " + branch}, {newest->address, name_of(*newest)}},
           .why = "one host can have one NVIDIA driver only: it would be an old one because of the old card",
           .next = "give " + oldest->address + " to vfio-pci or leave it to nouveau, or take it out"}};
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
      finding.why = "which drivers know it cannot be told";
      finding.next =
          "look for " + card->ids() + " in NVIDIA's list of supported GPUs (appendix A of the driver's README)";
      findings.push_back(std::move(finding));
      continue;
    }
    finding.what += ": " + branches(*chip, system::has_vgpus(card->device));
    const auto* refused = view.log.find("NVIDIA GPU " + card->address);
    if (loaded.empty() || card->driver == "vfio-pci") {
      // No driver is there that could be wrong.
    } else if (chip->last_branch != 0 && branch > chip->last_branch) {
      finding.state = State::fail;
      finding.what = name_of(*card) + " is too old for the driver " + loaded;
      finding.evidence.push_back({"/sys/module/nvidia/version", loaded});
      finding.why = "branch " + std::to_string(chip->last_branch) + " is the last that knows " +
                    std::string(chip->generation) + " chips";
      finding.next = "install a driver of branch " + std::to_string(chip->last_branch);
    } else if (!chip->open_modules && loaded_is_open(input.sysfs)) {
      finding.state = State::fail;
      finding.what = name_of(*card) + " is too old for the open kernel modules";
      finding.evidence.push_back({"/proc/driver/nvidia/version", "Open Kernel Module"});
      finding.why = "they need a GSP processor, which came with Turing";
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
      finding.what = "vfio-pci has the card: it can be given to a guest";
    } else if (card->driver == "nvidia") {
      finding.what = "the driver nvidia has the card";
    } else if (card->driver.empty()) {
      finding.what = "no driver has the card";
      finding.next = "vgpukit install DRIVER and vgpukit load, or vgpukit passthrough bind " + card->address;
    } else {
      finding.state = State::fail;
      finding.what = card->driver + " has the card";
      finding.why = "neither NVIDIA's driver nor a guest can have it as long as that is so";
      // The module's name; nova_core's driver called itself NovaCore at first.
      const auto module =
          card->driver == "NovaCore" || card->driver.starts_with("nova") ? std::string("nova_core") : card->driver;
      finding.next = "vgpukit passthrough plan " + card->address +
                     " shows what gives it to guests; for vGPUs: blacklist " + module +
                     ", make the initramfs anew and reboot";
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
           .why = "all functions of a card go to one guest: otherwise the group is not viable, or the host freezes "
                  "when the guest starts",
           .next = "vgpukit passthrough plan " + card->address +
                   " takes every function along; until the next boot: vgpukit passthrough bind " + card->address});
    }
  }
  return findings;
}

Findings card_group(const CheckInput& input) {
  const auto& view = input.view;
  Findings findings;
  for (const auto* card : view.pci.nvidia_cards()) {
    if (!card->group) continue;
    const auto mates = system::group_members(view.pci, *card);
    Finding finding{.subject = card->address,
                    .evidence = {{card->folder() + "/iommu_group", std::to_string(*card->group)}}};
    if (mates.alone()) {
      finding.what = "the card has IOMMU group " + std::to_string(*card->group) + " for itself";
      findings.push_back(std::move(finding));
      continue;
    }
    finding.state = State::warn;
    finding.what = "the card shares IOMMU group " + std::to_string(*card->group) + " with " +
                   std::to_string(mates.other_devices.size()) + " other device" +
                   (mates.other_devices.size() == 1 ? "" : "s");
    std::size_t needed = 0;
    for (const auto* each : mates.other_devices) {
      const auto reason = system::host_needs(*each);
      if (!reason.empty()) ++needed;
      finding.evidence.push_back(
          {each->folder() + "/iommu_group", system::describe(*each) + (reason.empty() ? "" : ": " + reason)});
    }
    finding.why = needed > 0
                      ? "a guest gets the whole group, and the host cannot do without all of it (vGPUs do not mind)"
                      : "a guest gets the whole group (vGPUs do not mind)";
    if (needed > 0) finding.state = card->driver == "vfio-pci" ? State::fail : State::warn;
    const auto slots = system::better_slots(input.sysfs, view.pci, *card);
    finding.next =
        slots.empty()
            ? "put the card into another slot, one that hangs on the processor itself, and look again"
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
    findings.push_back(
        {.subject = card->address,
         .state = State::warn,
         .what = "the kernel knows no way to reset the card",
         .evidence = {{card->folder() + "/reset_method", "none"}},
         .why = "a guest that is started a second time may find the card as the first left it, and not start it",
         .next = "give the card to one guest, and reboot the host between two"});
  }
  return findings;
}

}  // namespace vgpukit::doctor::check
