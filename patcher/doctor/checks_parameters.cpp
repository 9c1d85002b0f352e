// Kernel parameters that people are told to add, and what they do.
#include <array>

#include "doctor/doctor.hpp"

namespace vgpukit::doctor::check {

Findings parameters_useless(const CheckInput& input) {
  const auto& view = input.view;
  Findings findings;
  // drivers/iommu/amd/init.c, parse_amd_iommu_options(): there is no "on".
  if (const auto* parameter = view.parameters.with("amd_iommu", "on")) {
    Finding finding{.state = State::warn,
                    .what = "amd_iommu=on does nothing: AMD's IOMMU is on by itself where the firmware offers it",
                    .evidence = {{"/proc/cmdline", parameter->text}},
                    .why = "who takes it for the switch looks for the fault in the wrong place",
                    .next = system::how_to_remove(view.boot, parameter->text)};
    if (const auto* line = view.log.find("AMD-Vi: Unknown option"))
      finding.evidence.push_back({view.log.source, *line});
    findings.push_back(std::move(finding));
  }
  if (const auto* parameter = view.parameters.find("intel_iommu"); parameter && view.cpu_is_amd())
    findings.push_back({.state = State::warn,
                        .what = parameter->text + " does nothing on an AMD processor",
                        .evidence = {{"/proc/cmdline", parameter->text}, {"/proc/cpuinfo", "AuthenticAMD"}},
                        .why = "AMD's IOMMU is on by itself where the firmware offers it",
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
      {{"pci", "nomsi", State::fail, "no device may use message signalled interrupts",
        "NVMe disks and network cards fall back to one shared interrupt line: the whole host becomes slow, and so does "
        "every "
        "guest"},
       {"pci", "nommconf", State::fail, "the extended configuration space of PCI Express is out of reach",
        "SR-IOV, AER, ACS and resets of cards need it: groups grow, and cards may not come back"},
       {"pcie_aspm", "off", State::warn, "power management of PCI Express links stays as the firmware left it",
        "it cures no PCI bus error of a card that is given away, and links may stay slow or hot"},
       {"pci", "noaer", State::warn, "errors of PCI Express devices are no longer told",
        "the errors are still there; only the messages that name the device are gone"}}};
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
  // It is a patch that no kernel of kernel.org has; only the log tells whether this one does.
  const auto* line = view.log.find("disabling ACS can't be secure");
  const auto* warned = line ? line : view.log.find("Overriding ACS");
  Finding finding{.state = State::warn,
                  .what = parameter->text + " makes groups that the hardware does not keep apart",
                  .evidence = {{"/proc/cmdline", parameter->text}},
                  .why =
                      "devices of different guests may then read and write each other's memory, past the IOMMU; most "
                      "kernels do not even "
                      "know the parameter",
                  .next = "put the card into a slot with a group of its own (vgpukit passthrough groups), then " +
                          system::how_to_remove(view.boot, parameter->text)};
  if (warned) finding.evidence.push_back({view.log.source, *warned});
  return {finding};
}

}  // namespace vgpukit::doctor::check
