// Kernel parameters that guides recommend, and what they really do.
#include <array>

#include "doctor/checks.hpp"

namespace vgpukit::doctor::check {

Findings parameters_useless(const CheckInput& input) {
  const auto& view = input.view;
  Findings findings;
  // drivers/iommu/amd/init.c, parse_amd_iommu_options(): there is no "on".
  if (const auto* parameter = view.parameters.with("amd_iommu", "on")) {
    Finding finding{.state = State::warn,
                    .what = "amd_iommu=on does nothing: AMD's IOMMU is on if the firmware offers it",
                    .evidence = {{"/proc/cmdline", parameter->text}},
                    .why = "if the IOMMU is off, the cause is elsewhere",
                    .next = system::how_to_remove(view.boot, parameter->text)};
    if (const auto* line = view.log.find("AMD-Vi: Unknown option"))
      finding.evidence.push_back({view.log.source, *line});
    findings.push_back(std::move(finding));
  }
  if (const auto* parameter = view.parameters.find("intel_iommu"); parameter && view.cpu_is_amd())
    findings.push_back({.state = State::warn,
                        .what = parameter->text + " does nothing on an AMD processor",
                        .evidence = {{"/proc/cmdline", parameter->text}, {"/proc/cpuinfo", "AuthenticAMD"}},
                        .why = "AMD's IOMMU is on if the firmware offers it",
                        .next = system::how_to_remove(view.boot, parameter->text)});
  return findings;
}

Findings parameters_harmful(const CheckInput& input) {
  struct Harm {
    const char* name;
    const char* value;
    State state;
    const char* what;
    const char* why;
  };
  static constexpr std::array<Harm, 4> harms = {
      {{"pci", "nomsi", State::fail, "no device can use message signalled interrupts",
        "NVMe disks and network cards use a shared interrupt line instead: the host and every guest become slow"},
       {"pci", "nommconf", State::fail, "the extended configuration space of PCI Express is disabled",
        "SR-IOV, AER, ACS and resets of cards need it: groups get larger, and cards may not restart"},
       {"pcie_aspm", "off", State::warn, "power management of PCI Express links stays as the firmware set it",
        "it fixes no PCI bus error of a card in a guest, and links can stay slow or use more power"},
       {"pci", "noaer", State::warn, "errors of PCI Express devices are not reported",
        "the errors still happen; only the messages that name the device are missing"}}};
  const auto& view = input.view;
  Findings findings;
  for (const auto& harm : harms)
    if (const auto* parameter = view.parameters.with(harm.name, harm.value))
      findings.push_back({.state = harm.state,
                          .what = std::string(harm.name) + "=" + harm.value + ": " + harm.what,
                          .evidence = {{"/proc/cmdline", parameter->text}},
                          .why = harm.why,
                          .next = system::how_to_remove(view.boot, std::string(harm.name) + "=" + harm.value)});
  return findings;
}

Findings parameters_acs(const CheckInput& input) {
  const auto& view = input.view;
  const auto* parameter = view.parameters.find("pcie_acs_override");
  if (!parameter) return {};
  // The parameter comes with a patch that is not in Linux. Only the log tells whether this kernel has the patch.
  const auto* line = view.log.find("disabling ACS can't be secure");
  const auto* warned = line ? line : view.log.find("Overriding ACS");
  Finding finding{.state = State::warn,
                  .what = parameter->text + " splits groups that the hardware does not isolate",
                  .evidence = {{"/proc/cmdline", parameter->text}},
                  .why =
                      "devices of different guests can read and write each other's memory, past the IOMMU; most "
                      "kernels do not have the parameter",
                  .next = "put the card into a slot with a group of its own (vgpukit passthrough groups), then " +
                          system::how_to_remove(view.boot, parameter->text)};
  if (warned) finding.evidence.push_back({view.log.source, *warned});
  return {finding};
}

}  // namespace vgpukit::doctor::check
