// How the host boots, and whether what `vgpukit passthrough apply` wrote has arrived.
#include <algorithm>

#include "doctor/checks.hpp"
#include "support/text.hpp"
#include "system/boot_entries.hpp"

namespace vgpukit::doctor::check {

namespace {

std::vector<Evidence> evidence_of(const std::vector<system::BootFact>& facts) {
  std::vector<Evidence> all;
  for (const auto& fact : facts) all.push_back({fact.file, fact.value});
  return all;
}

}  // namespace

Findings boot_loader(const CheckInput& input) {
  const auto& boot = input.view.boot;
  auto evidence = evidence_of(boot.loader_facts);
  const auto more = evidence_of(boot.initramfs_facts);
  evidence.insert(evidence.end(), more.begin(), more.end());
  if (!boot.refusal.empty()) {
    // On a system of images this is no fault: its owner is used for changes.
    const bool owned = boot.manager != system::BootManager::files;
    return {{.state = owned ? State::ok : State::warn,
             .what = boot.refusal,
             .evidence = std::move(evidence),
             .why = owned ? "" : "vgpukit passthrough apply does not change the boot files of this host",
             .next = boot.refusal_next}};
  }
  if (boot.loader == system::BootLoader::none) return {};
  auto what = std::string(system::loader_name(boot.loader)) + " started this host";
  if (!boot.parameters_file.empty()) what += "; the kernel's parameters are in " + boot.parameters_file;
  if (boot.place == system::ParameterPlace::grubby) what += "; grubby changes the kernel's parameters";
  if (boot.initramfs != system::InitramfsTool::none)
    what += std::string("; ") + system::tool_name(boot.initramfs) + " makes the initramfs";
  return {{.what = what, .evidence = std::move(evidence)}};
}

Findings passthrough_applied(const CheckInput& input) {
  const auto& view = input.view;
  Findings findings;
  for (const auto& applied : view.applied) {
    Finding finding{.subject = applied.address, .what = "passthrough apply has taken effect"};
    const auto* device = view.pci.find(applied.address);
    std::string missing;
    for (const auto& word : applied.parameters) {
      const auto equals = word.find('=');
      if (!view.parameters.with(word.substr(0, equals), word.substr(equals + 1))) append(missing, word, " ");
    }
    const auto line = join(view.parameters.all(), " ", [](const auto& each) { return each.text; });
    if (applied.this_boot) {
      finding.what = "passthrough apply takes effect with the next boot";
    } else if (view.parameters.with("module_blacklist", "vfio_pci")) {
      finding.state = State::warn;
      finding.what = "this boot is without passthrough";
      finding.evidence = {{"/proc/cmdline", system::recovery_parameter}};
      finding.why = "the entry without passthrough was chosen in the boot menu, so vfio-pci has no card";
      finding.next = "boot the usual entry, or vgpukit passthrough undo " + applied.address;
    } else if (!missing.empty()) {
      finding.state = State::fail;
      finding.what = "passthrough apply wrote " + missing + ", and the kernel did not get it";
      finding.evidence = {{"/proc/cmdline", line}};
      finding.why = "the boot loader took its parameters from elsewhere, or another entry was booted";
      finding.next = "vgpukit passthrough apply " + applied.address +
                     " writes and checks it again; the check boot.loader says what is known about the loader";
    } else if (!device) {
      finding.state = State::warn;
      finding.what = "the card of passthrough apply is not in the machine";
      finding.evidence = {{"/sys/bus/pci/devices/" + applied.address, "not there"}};
      finding.why = "another device may have its ids";
      finding.next = "vgpukit passthrough undo " + applied.address;
    } else if (device->driver != "vfio-pci") {
      finding.state = State::fail;
      finding.what =
          "passthrough apply was run, and " + (device->driver.empty() ? "no driver" : device->driver) + " has the card";
      finding.evidence = {{device->folder() + "/driver", device->driver.empty() ? "not there" : device->driver}};
      finding.why = "the initramfs that was booted does not load vfio-pci first";
      finding.next = view.boot.update_initramfs.empty() ? "generate the initramfs again, and reboot"
                                                        : join(view.boot.update_initramfs, " ") + ", then reboot";
    }
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace vgpukit::doctor::check
