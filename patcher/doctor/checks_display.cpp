// Which card the host draws on, and what holds a card's memory because of that.
#include <cctype>

#include "doctor/checks.hpp"
#include "support/text.hpp"

namespace vgpukit::doctor::check {

namespace {

bool to_vfio(const system::PciDevice& card) {
  return card.driver == "vfio-pci" || card.driver_override == "vfio-pci";
}

// Another VGA controller that the host can draw with, or null.
const system::PciDevice* other_display(const HostView& view, const system::PciDevice& card) {
  for (const auto& each : view.pci.devices)
    if (each.is_display() && each.class_code >> 8 == 0x0300 && each.slot() != card.slot() &&
        !each.is_virtual_function && each.driver != "vfio-pci")
      return &each;
  return nullptr;
}

// Whether the line names a function in this slot. "10000:e1:00.0" is not in "0000:e1:00".
bool names_slot(const std::string& line, const std::string& slot) {
  for (auto at = line.find(slot); at != std::string::npos; at = line.find(slot, at + 1))
    if (at == 0 || !std::isxdigit(static_cast<unsigned char>(line[at - 1]))) return true;
  return false;
}

}  // namespace

Findings display_boot_vga(const CheckInput& input) {
  const auto& view = input.view;
  const auto cards = view.pci.nvidia_cards();
  if (cards.empty()) return {};
  const auto* boot = view.pci.find(view.display.boot_vga);
  if (!boot)
    return {{.what = "the firmware draws on no VGA card: this host is headless",
             .evidence = {{"/sys/bus/pci/devices/*/boot_vga", "no device has 1"}}}};
  const Evidence evidence{boot->folder() + "/boot_vga", "1"};
  if (!boot->is_nvidia()) return {{.what = "the firmware draws on " + system::describe(*boot), .evidence = {evidence}}};
  if (const auto* other = other_display(view, *boot))
    return {{.subject = boot->address,
             .state = State::warn,
             .what = "the firmware draws on the NVIDIA card, although there is " + system::describe(*other),
             .evidence = {evidence, {other->folder() + "/boot_vga", "0"}},
             .why = "a server's remote console (IPMI) stays black, the firmware's framebuffer holds the card's memory, "
                    "and the card's ROM is shadowed: guests can freeze the host or show nothing",
             .next = "set the primary display to onboard (IGD, iGPU, Onboard VGA) in the firmware's setup"}};
  return {{.subject = boot->address,
           .state = State::warn,
           .what = "the NVIDIA card is the only one that the host can draw with",
           .evidence = {evidence},
           .why = "the host has no display while a guest has the card: set up ssh first. vGPUs do not need a change",
           .next = "to pass it through only while a guest runs: vgpukit passthrough hooks"}};
}

Findings display_framebuffer(const CheckInput& input) {
  const auto& view = input.view;
  Findings findings;
  for (const auto* card : view.pci.nvidia_cards()) {
    const auto* held = view.display.held_by_boot(*card);
    if (!held) continue;
    const auto folder = "/sys/bus/platform/drivers/" + held->driver + "/" + held->device;
    const auto off = system::framebuffer_switch(*held, view.parameters);
    Finding finding{.subject = card->address,
                    .state = to_vfio(*card) ? State::fail : State::warn,
                    .what = "the firmware's framebuffer (" + held->name + ") holds the card's memory",
                    .evidence = {{folder, "is bound"}},
                    .why =
                        "the host can freeze when vfio-pci takes the card (its last line in the log is: vgaarb: "
                        "changed VGA decodes), or the guest fails (BAR 0: can't reserve)",
                    .next = off.parameter.empty() ? off.otherwise : system::how_to_add(view.boot, off.parameter)};
    for (const auto& line : view.log.lines)
      if (names_slot(line, card->slot()) &&
          (contains(line, "changed VGA decodes") || contains(line, "can't reserve"))) {
        finding.evidence.push_back({view.log.source, line});
        break;
      }
    if (view.display.boot_vga == card->address && other_display(view, *card))
      finding.next += "; this is not needed if the firmware's primary display is set to onboard";
    std::vector<std::string> ignored;
    if (!off.set.empty()) ignored.push_back(off.set);
    for (const auto& [name, value] : {std::pair{"video", "efifb:off"}, {"initcall_blacklist", "sysfb_init"}})
      if (const auto* parameter = view.parameters.with(name, value); parameter && parameter->text != off.set)
        ignored.push_back(parameter->text);
    for (const auto& parameter : ignored) {
      finding.evidence.push_back({"/proc/cmdline", parameter});
      finding.why += "; " + parameter + " is set, but " + held->name + " ignores it";
    }
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace vgpukit::doctor::check
