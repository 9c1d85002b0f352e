// The processor, KVM and the IOMMU.
#include <unistd.h>

#include <sstream>

#include "doctor/doctor.hpp"
#include "support/text.hpp"

namespace vgpukit::doctor::check {

namespace {

std::string parameters_of(const HostView& view) {
  std::string all;
  for (const auto& each : view.parameters.all()) all += (all.empty() ? "" : " ") + each.text;
  return all;
}

// The fields of the line of /etc/passwd or /etc/group that begins with this name.
std::vector<std::string> fields_of(const std::string& text, const std::string& name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name + ":")) continue;
    std::istringstream words(line + ":");
    std::vector<std::string> fields;
    for (std::string field; std::getline(words, field, ':');) fields.push_back(field);
    return fields;
  }
  return {};
}

}  // namespace

Findings cpu_virtualization(const CheckInput& input) {
  const auto& view = input.view;
  Finding finding;
  if (view.cpuinfo.empty()) {
    finding.state = State::unknown;
    finding.what = "the processor's flags cannot be read";
    finding.evidence = {{"/proc/cpuinfo", "not there"}};
    return {finding};
  }
  const bool vmx = view.cpu_has("vmx");
  if (vmx || view.cpu_has("svm")) {
    finding.what = vmx ? "the processor runs virtual machines (VT-x)" : "the processor runs virtual machines (AMD-V)";
    finding.evidence = {{"/proc/cpuinfo", vmx ? "vmx" : "svm"}};
    return {finding};
  }
  finding.state = State::fail;
  finding.what = "the processor does not offer virtual machines";
  finding.evidence = {{"/proc/cpuinfo", "flags have neither vmx nor svm"}};
  finding.why = "without it KVM does not work, and no virtual machine can have a card";
  finding.next = view.cpu_has("hypervisor")
                     ? "this is a virtual machine: vgpukit doctor --guest looks at it from the inside"
                 : view.cpu_is_amd() ? "switch on SVM in the firmware's setup (often under CPU or overclocking)"
                                     : "switch on VT-x (Intel Virtualization Technology) in the firmware's setup";
  return {finding};
}

Findings cpu_kvm(const CheckInput& input) {
  const auto& view = input.view;
  const std::string wanted = view.cpu_is_amd() ? "kvm_amd" : "kvm_intel";
  // A static /dev/kvm may be there without it (modprobe's static nodes); the misc device comes with any kind of KVM.
  const bool loaded = input.sysfs.exists("/sys/module/" + wanted) || input.sysfs.exists("/sys/class/misc/kvm");
  const bool node = input.sysfs.exists("/dev/kvm");
  if (loaded && node) return {{.what = "KVM is there", .evidence = {{"/dev/kvm", "is there"}}}};
  Finding finding{.state = State::fail,
                  .what = loaded ? "/dev/kvm is not there" : wanted + " is not loaded",
                  .evidence = {{"/sys/module/" + wanted, loaded ? "is there" : "not there"},
                               {"/dev/kvm", node ? "is there" : "not there"}},
                  .why = "virtual machines would be emulated, without cards, a hundred times slower",
                  .next = "modprobe " + wanted};
  if (const auto* line = view.log.find("disabled by bios")) {
    finding.evidence.push_back({view.log.source, *line});
    finding.next =
        view.cpu_is_amd() ? "switch on SVM in the firmware's setup" : "switch on VT-x in the firmware's setup";
  }
  return {finding};
}

Findings iommu_on(const CheckInput& input) {
  const auto& view = input.view;
  const auto units = input.sysfs.list("/sys/class/iommu");
  const auto table = view.cpu_is_amd() ? std::string("IVRS") : std::string("DMAR");
  const auto table_file = "/sys/firmware/acpi/tables/" + table;
  if (!view.groups.empty()) {
    Finding finding{.what = "the IOMMU is on: " + std::to_string(view.groups.size()) + " groups",
                    .evidence = {{"/sys/kernel/iommu_groups", std::to_string(view.groups.size()) + " groups"}}};
    for (const auto* sign : {"DMAR: IOMMU enabled", "AMD-Vi: Interrupt remapping enabled", "AMD-Vi: Found IOMMU"})
      if (const auto* line = view.log.find(sign)) finding.evidence.push_back({view.log.source, *line});
    // Not needed: iommu=pt spares the host's own devices the translation.
    for (const auto& [name, value] : {std::pair{"intel_iommu", "on"}, {"iommu", "pt"}})
      if (const auto* parameter = view.parameters.with(name, value))
        finding.evidence.push_back({"/proc/cmdline", parameter->text});
    return {finding};
  }
  Finding finding{.state = State::fail,
                  .what = "the IOMMU is off: there are no groups",
                  .evidence = {{"/sys/kernel/iommu_groups", "empty"}},
                  .why = "without groups no device can be given to a virtual machine"};
  for (const auto& [name, value] : {std::pair{"intel_iommu", "off"}, {"amd_iommu", "off"}, {"iommu", "off"}})
    if (const auto* parameter = view.parameters.with(name, value)) {
      finding.evidence.push_back({"/proc/cmdline", parameter->text});
      finding.next = system::how_to_remove(view.boot, parameter->text);
      return {finding};
    }
  if (input.sysfs.exists(table_file) || !units.empty()) {
    finding.evidence.push_back({table_file, "is there: the firmware offers one"});
    if (!view.cpu_is_amd()) {
      finding.evidence.push_back({"/proc/cmdline", "no intel_iommu=on in: " + parameters_of(view)});
      finding.next = system::how_to_add(view.boot, "intel_iommu=on");
    } else {
      finding.next =
          "look for AMD-Vi in the kernel log; update the firmware (amd_iommu=on is no parameter that the kernel knows)";
    }
    return {finding};
  }
  finding.evidence.push_back({table_file, "not there: the firmware offers none"});
  finding.next = view.cpu_is_amd() ? "switch on IOMMU (and SVM) in the firmware's setup"
                                   : "switch on VT-d in the firmware's setup";
  if (!view.cpu_is_amd() && !view.parameters.with("intel_iommu", "on"))
    finding.next += "; then " + system::how_to_add(view.boot, "intel_iommu=on");
  return {finding};
}

Findings iommu_remapping(const CheckInput& input) {
  const auto& view = input.view;
  if (view.groups.empty()) return {};
  for (const auto* sign : {"Enabled IRQ remapping", "Interrupt remapping enabled", "AMD-Vi: Virtual APIC enabled"})
    if (const auto* line = view.log.find(sign))
      return {{.what = "interrupts are remapped", .evidence = {{view.log.source, *line}}}};
  if (!view.log.whole)
    return {{.state = State::unknown,
             .what = "it cannot be told whether interrupts are remapped",
             .evidence = {{view.log.source,
                           view.log.problem.empty() ? "its beginning is no longer there" : view.log.problem}},
             .why = "vfio refuses devices without it",
             .next = "run vgpukit doctor as root, soon after booting"}};
  return {{.state = State::warn,
           .what = "interrupts are not remapped",
           .evidence = {{view.log.source, "no line about interrupt remapping"}},
           .why = "vfio-pci refuses devices then (Operation not permitted), because a guest could send any interrupt",
           .next = "update the firmware and switch on x2APIC or interrupt remapping in it; "
                   "vfio_iommu_type1.allow_unsafe_interrupts=1 "
                   "only where every guest is trusted"}};
}

Findings kvm_access(const CheckInput& input) {
  // Groups and the user are this machine's; in another root nobody is logged in.
  if (!input.view.host.is_host()) return {};
  if (::geteuid() == 0) return {};
  if (::access("/dev/kvm", R_OK | W_OK) == 0)
    return {{.what = "you may open /dev/kvm", .evidence = {{"/dev/kvm", "readable, writable"}}}};
  if (!input.sysfs.exists("/dev/kvm")) return {};
  return {{.state = State::warn,
           .what = "you may not open /dev/kvm",
           .evidence = {{"/dev/kvm", "Permission denied"}},
           .why = "virtual machines that you start yourself (qemu:///session) are refused",
           .next = "usermod -aG kvm,libvirt YOU, then log in again"}};
}

Findings user_groups(const CheckInput& input) {
  const auto& user = input.view.user;
  if (user.empty()) return {};
  const auto own = fields_of(input.sysfs.read("/etc/passwd").text, user);
  const auto primary = own.size() > 3 ? own[3] : "";
  std::vector<std::string> in, missing;
  // video is for who draws on the host's own cards: it is told, and nobody has to be in it.
  for (const auto* name : {"kvm", "libvirt", "video"}) {
    const auto group = fields_of(input.sysfs.read("/etc/group").text, name);
    if (group.size() < 4) continue;  // not a group of this host
    const bool member = group[2] == primary || ("," + group[3] + ",").find("," + user + ",") != std::string::npos;
    if (member) in.emplace_back(name);
    if (!member && name != std::string_view("video")) missing.emplace_back(name);
  }
  const auto has = user + " is in " + (in.empty() ? "none of kvm, libvirt, video" : join(in, ","));
  if (missing.empty() && in.empty()) return {};
  if (missing.empty()) return {{.what = has, .evidence = {{"/etc/group", join(in, ",")}}}};
  return {{.state = State::warn,
           .what = user + " is not in " + join(missing, ","),
           .evidence = {{"/etc/group", has}},
           .why = "without libvirt virsh and virt-manager ask for a password; without kvm a machine that the user "
                  "starts has no KVM, "
                  "unless the desktop's login gives it",
           .next = "usermod -aG " + join(missing, ",") + " " + user + ", then log in again"}};
}

}  // namespace vgpukit::doctor::check
