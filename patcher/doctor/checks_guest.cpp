// Inside a virtual machine that has a card: what NVIDIA's driver wrote to the kernel log, and which line of the
// domain's XML, or which ROM, causes it.
#include "doctor/checks.hpp"
#include "system/nvidia_chips.hpp"

namespace vgpukit::doctor::check {

namespace {

// From "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  450.66  Wed Aug 12 ...", or for the open modules "... Open
// Kernel Module for x86_64  535...".
std::optional<Version> driver_version(const HostView& view) {
  const auto* line = view.log.find("NVRM: loading NVIDIA UNIX");
  if (!line) return std::nullopt;
  for (std::size_t at = line->find("Module"); at != std::string::npos; at = line->find(' ', at + 1)) {
    const auto begin = line->find_first_not_of(' ', at);
    if (begin == std::string::npos) break;
    if (auto version = Version::leading(std::string_view(*line).substr(begin)); version && version->parts.size() >= 2)
      return version;
  }
  return std::nullopt;
}

Evidence log_line(const HostView& view, const std::string& line) {
  return {view.log.source, line};
}

}  // namespace

Findings guest_card(const CheckInput& input) {
  const auto& view = input.view;
  if (!view.log.problem.empty() && view.log.lines.empty())
    return {{.state = State::unknown,
             .what = "the kernel log cannot be read",
             .evidence = {{view.log.source, view.log.problem}},
             .why = "most failures in a guest are reported only there",
             .next = "run vgpukit doctor --guest as root"}};
  Findings findings;
  const auto cards = view.pci.nvidia_cards();
  // A saved log without /sys is enough for the checks after this one.
  if (cards.empty() && (!view.pci.devices.empty() || !view.log.find("NVRM: ")))
    return {{.state = State::fail,
             .what = "this machine has no NVIDIA card",
             .evidence = {{"/sys/bus/pci/devices", "no device with vendor 10de"}},
             .why = "the host passes none through",
             .next =
                 "on the host: vgpukit passthrough xml CARD prints the <hostdev> lines; vgpukit doctor tells whether "
                 "vfio-pci has the card"}};
  for (const auto* card : cards) {
    Finding finding{.subject = card->address,
                    .what = system::chip_text(card->device, card->subsystem_device) +
                            ", driver: " + (card->driver.empty() ? "none" : card->driver),
                    .evidence = {{card->folder() + "/driver", card->driver.empty() ? "none" : card->driver}}};
    if (card->driver == "nouveau" || card->driver.starts_with("nova") || card->driver == "NovaCore") {
      finding.state = State::fail;
      finding.why = "NVIDIA's driver cannot use the card while " + card->driver + " has it";
      finding.next = "in the guest: blacklist " + card->driver + ", rebuild the initramfs and reboot";
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
       .evidence = {log_line(input.view, *line)},
       .why =
           "QEMU reads the card's ROM on the host; if the host booted on this card, the ROM is shadowed, and laptops "
           "have it in the firmware's ACPI tables instead of on the card",
       .next = "on the host: vgpukit passthrough rom CARD --output CARD.rom, then vgpukit passthrough xml CARD --rom "
               "CARD.rom, which adds <rom file='...'/>; if the host cannot read it (Input/output error), read it while "
               "another card is the primary display, or take it from the laptop's firmware update"}};
}

Findings guest_msi(const CheckInput& input) {
  const auto* line = input.view.log.find("Failed to enable MSI");
  if (!line) return {};
  return {{.state = State::warn,
           .what = "the card has no message signalled interrupts",
           .evidence = {log_line(input.view, *line)},
           .why = "it uses a shared interrupt line instead, which is slow and does not work in every guest",
           .next = "use the machine type q35 and put the card on a pcie-root-port (vgpukit passthrough xml does both); "
                   "the host must not boot with pci=nomsi (vgpukit doctor checks that)"}};
}

Findings guest_init(const CheckInput& input) {
  const auto& view = input.view;
  const auto* line = view.log.find("RmInitAdapter failed");
  if (!line) {
    const auto* loading = view.log.find("NVRM: loading NVIDIA UNIX");
    if (!loading) return {};
    return {{.what = "NVIDIA's driver started", .evidence = {log_line(view, *loading)}}};
  }
  Finding finding{.state = State::fail,
                  .what = "the driver cannot start the card",
                  .evidence = {log_line(view, *line)},
                  .why = "nvidia-smi says: No devices were found; Windows says: error 43"};
  if (view.log.find("Failed to copy vbios to system memory")) {
    finding.what += ", because it finds no ROM (guest.vbios)";
    finding.next = "do what guest.vbios says first";
  } else if (view.log.find("fallen off the bus")) {
    finding.evidence.push_back(log_line(view, *view.log.find("fallen off the bus")));
    finding.next =
        "the card was not reset: reboot the host; there, vgpukit passthrough groups shows the card's reset methods";
  } else {
    finding.next =
        "run vgpukit doctor on the host: if its kernel log says BAR 0: can't reserve, display.framebuffer tells what "
        "to "
        "do";
  }
  return {finding};
}

Findings guest_hidden(const CheckInput& input) {
  const auto& view = input.view;
  const auto version = driver_version(view);
  // Since 465 NVIDIA allows GeForce cards in virtual machines.
  if (!version || *version >= *Version::parse("465")) return {};
  const auto* kvm = view.log.find("Hypervisor detected: KVM");
  Finding finding{
      .state = kvm ? State::fail : State::warn,
      .what = "the driver " + version->text + " refuses GeForce cards in virtual machines",
      .evidence = {log_line(view, *view.log.find("NVRM: loading NVIDIA UNIX"))},
      .why =
          "drivers before 465 check for a hypervisor: nvidia-smi says Unable to determine the device "
          "handle, Windows error 43",
      .next = "install a driver of 465 or newer; otherwise run vgpukit passthrough xml CARD --guest-driver " +
              version->text + " on the host, which adds <kvm><hidden state='on'/></kvm> and a <vendor_id> in <hyperv>"};
  if (kvm) finding.evidence.push_back(log_line(view, *kvm));
  return {finding};
}

Findings guest_memory(const CheckInput& input) {
  for (const auto* sign :
       {"This PCI I/O region assigned to your NVIDIA device is invalid", "BAR1 is 0M @ 0x0", "BAR 1: no space for"})
    if (const auto* line = input.view.log.find(sign))
      return {{.state = State::fail,
               .what = "the card's memory has no address in this machine",
               .evidence = {log_line(input.view, *line)},
               .why = "the guest's firmware reserved too few addresses above 4 GB",
               .next = "boot with UEFI (<os firmware='efi'>), not with SeaBIOS; for cards with 16 GB or more, also add "
                       "<maxphysaddr mode='passthrough'/> to <cpu>"}};
  return {};
}

Findings guest_branch(const CheckInput& input) {
  for (const auto* sign : {"Legacy drivers", "is not supported by the open nvidia", "is not supported by open nvidia"})
    if (const auto* line = input.view.log.find(sign))
      return {{.state = State::fail,
               .what = "this driver does not support this card",
               .evidence = {log_line(input.view, *line)},
               .why = "the driver is newer than the last branch for this card, or it has the open kernel modules, "
                      "which need Turing or newer",
               .next = "on the host, vgpukit doctor names the branches that support the card (card.branch)"}};
  return {};
}

Findings guest_secure_boot(const CheckInput& input) {
  for (const auto* sign :
       {"Loading of module with unavailable key is rejected", "Loading of unsigned module is rejected"})
    if (const auto* line = input.view.log.find(sign))
      return {{.state = State::fail,
               .what = "the kernel refuses the driver's modules because of Secure Boot",
               .evidence = {log_line(input.view, *line)},
               .why = "they are not signed with a key that this guest has enrolled",
               .next =
                   "on the host: <feature enabled='no' name='secure-boot'/> in <os><firmware> (vgpukit passthrough xml "
                   "adds it), then virsh start DOMAIN --reset-nvram; or sign the modules"}};
  return {};
}

}  // namespace vgpukit::doctor::check
