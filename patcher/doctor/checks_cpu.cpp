// The processor, KVM and the IOMMU.
#include <unistd.h>

#include "doctor/checks.hpp"
#include "support/text.hpp"

namespace vgpukit::doctor::check {

namespace {

// The fields of the line of /etc/passwd or /etc/group that begins with this name.
std::vector<std::string> fields_of(const std::string& text, const std::string& name) {
  for (const auto& line : lines_of(text))
    if (line.starts_with(name + ":")) return split(line, ':');
  return {};
}

// /dev/kvm can exist without the module (a static node of modprobe). The misc device exists with any kind of KVM, also
// with one that needs neither VT-x nor AMD-V (kvm_pvm).
bool has_kvm(const CheckInput& input) {
  return input.sysfs.exists("/dev/kvm") &&
         (input.sysfs.exists("/sys/module/kvm_intel") || input.sysfs.exists("/sys/module/kvm_amd") ||
          input.sysfs.exists("/sys/class/misc/kvm"));
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
    finding.what =
        vmx ? "the processor supports virtual machines (VT-x)" : "the processor supports virtual machines (AMD-V)";
    finding.evidence = {{"/proc/cpuinfo", vmx ? "vmx" : "svm"}};
    return {finding};
  }
  if (has_kvm(input)) return {};  // cpu.kvm says it
  finding.state = State::fail;
  finding.what = "the processor does not support virtual machines, or the firmware disables that";
  finding.evidence = {{"/proc/cpuinfo", "flags have neither vmx nor svm"}};
  finding.why = "KVM does not work, and no virtual machine can have a card";
  finding.next = view.cpu_has("hypervisor") ? "this is a virtual machine: run vgpukit doctor --guest"
                 : view.cpu_is_amd()        ? "switch on SVM in the firmware's setup (often under CPU or overclocking)"
                                     : "switch on VT-x (Intel Virtualization Technology) in the firmware's setup";
  return {finding};
}

Findings cpu_kvm(const CheckInput& input) {
  const auto& view = input.view;
  const bool virtualization = view.cpu_has("vmx") || view.cpu_has("svm");
  if (has_kvm(input))
    return {{.what = view.cpuinfo.empty() || virtualization ? "KVM is available"
                                                            : "KVM is available, without VT-x or AMD-V",
             .evidence = {{"/dev/kvm", "is there"}}}};
  if (!view.cpuinfo.empty() && !virtualization) return {};  // cpu.virtualization says it
  const std::string wanted = view.cpu_is_amd() ? "kvm_amd" : "kvm_intel";
  const bool loaded = input.sysfs.exists("/sys/module/" + wanted) || input.sysfs.exists("/sys/class/misc/kvm");
  const bool node = input.sysfs.exists("/dev/kvm");
  Finding finding{.state = State::fail,
                  .what = loaded ? "/dev/kvm does not exist" : wanted + " is not loaded",
                  .evidence = {{"/sys/module/" + wanted, loaded ? "is there" : "not there"},
                               {"/dev/kvm", node ? "is there" : "not there"}},
                  .why = "virtual machines are emulated: slow, and without cards",
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
    // iommu=pt is not needed. It exempts the host's own devices from the translation.
    for (const auto& [name, value] : {std::pair{"intel_iommu", "on"}, {"iommu", "pt"}})
      if (const auto* parameter = view.parameters.with(name, value))
        finding.evidence.push_back({"/proc/cmdline", parameter->text});
    return {finding};
  }
  Finding finding{.state = State::fail,
                  .what = "the IOMMU is off: there are no groups",
                  .evidence = {{"/sys/kernel/iommu_groups", "empty"}},
                  .why = "without groups no device can be given to a virtual machine"};
  for (const auto& [name, value] : system::iommu_off)
    if (const auto* parameter = view.parameters.with(name, value)) {
      finding.evidence.push_back({"/proc/cmdline", parameter->text});
      finding.next = system::how_to_remove(view.boot, parameter->text);
      return {finding};
    }
  if (input.sysfs.exists(table_file) || !units.empty()) {
    finding.evidence.push_back({table_file, "is there: the firmware offers an IOMMU"});
    if (const auto* parameter = view.parameters.with("intel_iommu", "on"); parameter && !view.cpu_is_amd()) {
      finding.evidence.push_back({"/proc/cmdline", parameter->text});
      finding.next =
          "look for DMAR in the kernel log: the parameter is set, and the kernel did not turn the IOMMU on; "
          "update the firmware";
    } else if (!view.cpu_is_amd()) {
      const auto parameters = join(view.parameters.all(), " ", [](const auto& each) { return each.text; });
      finding.evidence.push_back({"/proc/cmdline", "no intel_iommu=on in: " + parameters});
      finding.next = system::how_to_add(view.boot, "intel_iommu=on");
    } else {
      finding.next =
          "look for AMD-Vi in the kernel log, and update the firmware (the kernel has no parameter amd_iommu=on)";
    }
    return {finding};
  }
  finding.evidence.push_back({table_file, "not there: the firmware offers no IOMMU"});
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
             .what = "it is not known whether interrupts are remapped",
             .evidence = {{view.log.source,
                           view.log.problem.empty() ? "its first lines are no longer there" : view.log.problem}},
             .why = "vfio refuses devices without interrupt remapping",
             .next = "run vgpukit doctor as root, soon after booting"}};
  return {{.state = State::warn,
           .what = "interrupts are not remapped",
           .evidence = {{view.log.source, "no line about interrupt remapping"}},
           .why = "vfio-pci refuses devices (Operation not permitted), because a guest could send any interrupt",
           .next = "update the firmware and switch on x2APIC or interrupt remapping in it; if you trust every guest, "
                   "vfio_iommu_type1.allow_unsafe_interrupts=1 also works"}};
}

Findings kvm_access(const CheckInput& input) {
  // Only for an ordinary user of this machine: another root has no user who is logged in.
  if (!input.view.host.is_host() || ::geteuid() == 0) return {};
  if (::access("/dev/kvm", R_OK | W_OK) == 0)
    return {{.what = "you can open /dev/kvm", .evidence = {{"/dev/kvm", "readable, writable"}}}};
  if (!input.sysfs.exists("/dev/kvm")) return {};
  return {{.state = State::warn,
           .what = "you cannot open /dev/kvm",
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
  // The group video is for programs that draw on the host's own cards. It is reported, but not needed.
  for (const auto* name : {"kvm", "libvirt", "video"}) {
    const auto group = fields_of(input.sysfs.read("/etc/group").text, name);
    if (group.size() < 4) continue;  // not a group of this host
    const bool member = group[2] == primary || contains("," + group[3] + ",", "," + user + ",");
    if (member) in.emplace_back(name);
    if (!member && name != std::string_view("video")) missing.emplace_back(name);
  }
  const auto has = user + " is in " + (in.empty() ? "none of kvm, libvirt, video" : join(in, ","));
  if (missing.empty() && in.empty()) return {};
  if (missing.empty()) return {{.what = has, .evidence = {{"/etc/group", join(in, ",")}}}};
  return {{.state = State::warn,
           .what = user + " is not in " + join(missing, ","),
           .evidence = {{"/etc/group", has}},
           .why = "outside of libvirt, virsh and virt-manager ask for a password; outside of kvm, virtual machines of "
                  "the user have no KVM, unless the desktop's login grants it",
           .next = "usermod -aG " + join(missing, ",") + " " + user + ", then log in again"}};
}

}  // namespace vgpukit::doctor::check
