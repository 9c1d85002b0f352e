// Inside a virtual machine that was given a card: what NVIDIA's driver has told the kernel log, and which line of the
// domain's XML, or which ROM, is behind it.
#include "doctor/doctor.hpp"
#include "system/nvidia_chips.hpp"

namespace vgpukit::doctor::check {

namespace {

// "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  450.66  Wed Aug 12 ...", and the open modules' "... Open Kernel
// Module for x86_64  535...".
std::optional<Version> driver_version(const HostView& view) {
  const auto* line = view.log.find("NVRM: loading NVIDIA UNIX");
  if (!line) return std::nullopt;
  for (std::size_t at = line->find("Module"); at != std::string::npos; at = line->find(' ', at + 1)) {
    const auto begin = line->find_first_not_of(' ', at);
    if (begin == std::string::npos) break;
    if (const auto version = Version::leading(std::string_view(*line).substr(begin));
        version && version->parts.size() >= 2)
      return version;
  }
  return std::nullopt;
}

Evidence said(const HostView& view, const std::string& line) {
  return {view.log.source, line};
}

bool starts_fine(const HostView& view) {
  return view.log.find("NVRM: loading NVIDIA UNIX") && !view.log.find("RmInitAdapter failed");
}

}  // namespace

Findings guest_card(const CheckInput& input) {
  const auto& view = input.view;
  if (!view.log.problem.empty() && view.log.lines.empty())
    return {{.state = State::unknown,
             .what = "the kernel log cannot be read",
             .evidence = {{view.log.source, view.log.problem}},
             .why = "nearly all that goes wrong in a guest stands there only",
             .next = "run vgpukit doctor --guest as root"}};
  Findings findings;
  const auto cards = view.pci.nvidia_cards();
  // A saved log without a sysfs is enough for the checks after this one.
  if (cards.empty() && (!view.pci.devices.empty() || !view.log.find("NVRM: ")))
    return {{.state = State::fail,
             .what = "there is no NVIDIA card in this machine",
             .evidence = {{"/sys/bus/pci/devices", "none of 10de"}},
             .why = "the host has not given one",
             .next = "on the host: vgpukit passthrough xml CARD has the <hostdev> lines; is the card bound to vfio-pci "
                     "there?"}};
  for (const auto* card : cards) {
    Finding finding{.subject = card->address,
                    .what = system::chip_text(card->device, card->subsystem_device) +
                            ", driver: " + (card->driver.empty() ? "none" : card->driver),
                    .evidence = {{card->folder() + "/driver", card->driver.empty() ? "none" : card->driver}}};
    if (card->driver == "nouveau" || card->driver.starts_with("nova") || card->driver == "NovaCore") {
      finding.state = State::fail;
      finding.why = "NVIDIA's driver cannot have the card as long as " + card->driver + " has it";
      finding.next = "in the guest: blacklist " + card->driver + ", make the initramfs anew and reboot";
    }
    findings.push_back(std::move(finding));
  }
  return findings;
}

Findings guest_vbios(const CheckInput& input) {
  const auto* line = input.view.log.find("Failed to copy vbios to system memory");
  if (!line) return {};
  return {
      {.state = State::fail,
       .what = "the driver finds no ROM on the card, so nvidia-smi says: No devices were found",
       .evidence = {said(input.view, *line)},
       .why = "QEMU reads the card's ROM from the host; on the card that the host booted with it is shadowed, and "
              "laptops have "
              "it in the "
              "firmware's ACPI tables instead of on the card",
       .next =
           "on the host: vgpukit passthrough rom CARD --output CARD.rom, then vgpukit passthrough xml CARD --rom "
           "CARD.rom, "
           "which has "
           "<rom file='...'/>; where the host cannot read it (Input/output error), take it when another card is the "
           "primary display, "
           "or out of the laptop's firmware update"}};
}

Findings guest_msi(const CheckInput& input) {
  const auto* line = input.view.log.find("Failed to enable MSI");
  if (!line) return {};
  return {{.state = State::warn,
           .what = "the card has no message signalled interrupts",
           .evidence = {said(input.view, *line)},
           .why = "it falls back to a shared interrupt line, which is slow, and lost by some guests",
           .next = "give the machine type q35 and put the card on a pcie-root-port (vgpukit passthrough xml does "
                   "both); on the host, "
                   "pci=nomsi must not be there: vgpukit doctor tells"}};
}

Findings guest_init(const CheckInput& input) {
  const auto& view = input.view;
  const auto* line = view.log.find("RmInitAdapter failed");
  if (!line) {
    if (!starts_fine(view)) return {};
    return {{.what = "NVIDIA's driver started", .evidence = {said(view, *view.log.find("NVRM: loading NVIDIA UNIX"))}}};
  }
  Finding finding{.state = State::fail,
                  .what = "the driver cannot start the card",
                  .evidence = {said(view, *line)},
                  .why = "nvidia-smi says: No devices were found; Windows says: error 43"};
  if (view.log.find("Failed to copy vbios to system memory")) {
    finding.what += ", because it finds no ROM (guest.vbios)";
    finding.next = "do what guest.vbios says first";
  } else if (view.log.find("fallen off the bus")) {
    finding.evidence.push_back(said(view, *view.log.find("fallen off the bus")));
    finding.next =
        "the card was not reset: reboot the host; on it, vgpukit passthrough groups shows the card's reset methods";
  } else {
    finding.next =
        "look at the host: does its kernel log say BAR 0: can't reserve? vgpukit doctor there (display.framebuffer) "
        "tells what to "
        "do";
  }
  return {finding};
}

Findings guest_hidden(const CheckInput& input) {
  const auto& view = input.view;
  const auto version = driver_version(view);
  // NVIDIA allowed GeForce cards in virtual machines with 465.
  if (!version || *version >= *Version::parse("465")) return {};
  const auto* kvm = view.log.find("Hypervisor detected: KVM");
  Finding finding{.state = kvm ? State::fail : State::warn,
                  .what = "the driver " + version->text + " refuses GeForce cards in virtual machines",
                  .evidence = {said(view, *view.log.find("NVRM: loading NVIDIA UNIX"))},
                  .why =
                      "drivers before 465 look for a hypervisor: nvidia-smi says Unable to determine the device "
                      "handle, Windows error 43",
                  .next = "install a driver of 465 or newer; otherwise vgpukit passthrough xml CARD --guest-driver " +
                          version->text +
                          " on the host has the lines (<kvm><hidden state='on'/></kvm>, a <vendor_id> in <hyperv>)"};
  if (kvm) finding.evidence.push_back(said(view, *kvm));
  return {finding};
}

Findings guest_memory(const CheckInput& input) {
  for (const auto* sign :
       {"This PCI I/O region assigned to your NVIDIA device is invalid", "BAR1 is 0M @ 0x0", "BAR 1: no space for"})
    if (const auto* line = input.view.log.find(sign))
      return {{.state = State::fail,
               .what = "the card's memory has no address in this machine",
               .evidence = {said(input.view, *line)},
               .why = "the guest's firmware left too little room above 4 GB",
               .next = "boot with UEFI (<os firmware='efi'>), not with SeaBIOS; for cards of 16 GB and more also give "
                       "the CPU <maxphysaddr "
                       "mode='passthrough'/>"}};
  return {};
}

Findings guest_branch(const CheckInput& input) {
  for (const auto* sign : {"Legacy drivers", "is not supported by the open nvidia", "is not supported by open nvidia"})
    if (const auto* line = input.view.log.find(sign))
      return {{.state = State::fail,
               .what = "this driver does not know this card",
               .evidence = {said(input.view, *line)},
               .why = "the driver is newer than the last branch for this card, or it has the open kernel modules, "
                      "which need Turing",
               .next = "on the host, vgpukit doctor tells which branches the card has (card.branch)"}};
  return {};
}

Findings guest_secure_boot(const CheckInput& input) {
  for (const auto* sign :
       {"Loading of module with unavailable key is rejected", "Loading of unsigned module is rejected"})
    if (const auto* line = input.view.log.find(sign))
      return {
          {.state = State::fail,
           .what = "Secure Boot keeps the driver out",
           .evidence = {said(input.view, *line)},
           .why = "its modules are not signed by a key that this guest knows",
           .next =
               "on the host: <feature enabled='no' name='secure-boot'/> in <os><firmware> (vgpukit passthrough xml has "
               "it), then virsh "
               "start DOMAIN --reset-nvram; or sign the modules"}};
  return {};
}

}  // namespace vgpukit::doctor::check
