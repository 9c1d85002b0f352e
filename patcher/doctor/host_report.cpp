#include "doctor/host_report.hpp"

#include <regex>

#include "config.hpp"
#include "support/text.hpp"
#include "system/nvidia_chips.hpp"

namespace vgpukit::doctor {

namespace {

// Whether a line of the kernel log is about cards, the IOMMU or virtual machines. The report leaves out the rest.
bool is_relevant(const std::string& line) {
  for (const auto* word : {"DMAR", "AMD-Vi", "iommu", "IOMMU", "vfio", "NVRM", "nvidia", "nouveau", "nova", "vgaarb",
                           "efifb", "simpledrm", "kvm", "Secure boot", "secureboot", "BAR "})
    if (contains(line, word)) return true;
  return false;
}

std::string device_line(const system::PciDevice& device) {
  std::string line = "  " + system::describe(device);
  if (device.is_nvidia_card()) line += ", " + system::chip_text(device.device, device.subsystem_device);
  line += ", driver " + (device.driver.empty() ? "none" : device.driver);
  if (device.group) line += ", group " + std::to_string(*device.group);
  if (device.boot_vga) line += std::string(", boot_vga ") + (*device.boot_vga ? "1" : "0");
  if (!device.bridge.empty()) line += ", behind " + device.bridge;
  if (!device.reset_methods.empty()) line += ", reset " + join(device.reset_methods, " ");
  return line + "\n";
}

}  // namespace

std::string redacted(const std::string& text) {
  static const std::regex uuid("[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}");
  static const std::regex mac("\\b([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\\b");
  static const std::regex ip("\\b[0-9]{1,3}(\\.[0-9]{1,3}){3}\\b");
  static const std::regex value(
      "\\b(root|resume|cryptdevice|cryptkey|rd\\.luks[a-z.]*|luks[a-z.]*|rootflags|zfs|ip|nfsroot|systemd\\.hostname|"
      "hostname|BOOT_IMAGE|rd\\.lvm[a-z.]*|[sS]erial [nN]umber|serial)(=|: ?)(\"[^\"]*\"|\\S+)");
  // std::regex takes stack for each character that it repeats. No line of a report needs more than this.
  constexpr std::size_t longest_line = 4096;
  std::string all;
  each_line(text, [&](std::string_view line) {
    auto one = std::regex_replace(std::string(line.substr(0, longest_line)), value, "$1$2***");
    for (const auto* each : {&uuid, &mac, &ip}) one = std::regex_replace(one, *each, "***");
    all += one + (line.size() > longest_line ? " (cut here)\n" : "\n");
  });
  if (!text.ends_with('\n') && !all.empty()) all.pop_back();
  return all;
}

std::string host_report(const HostView& view, const Findings& findings) {
  std::string text = "vgpukit " VGPUKIT_VERSION
                     " doctor: a report to attach to a question. Addresses, names and serial numbers are removed.\n\n";
  text += "kernel: " + view.release + "\ndistribution: " + view.boot.distribution.name + "\nparameters:";
  for (const auto& parameter : view.parameters.all()) text += " " + parameter.text;
  text += "\n\nfindings:\n";
  for (const auto& finding : findings) {
    text += "  " + std::string(state_name(finding.state)) + "  " + finding.id +
            (finding.subject.empty() ? "" : " " + finding.subject) + ": " + finding.what + "\n";
    for (const auto& evidence : finding.evidence) text += "      " + evidence.file + ": " + evidence.value + "\n";
  }
  text += "\nPCI devices:\n";
  for (const auto& device : view.pci.devices) text += device_line(device);
  text += "\nframebuffers and displays:\n";
  for (const auto& boot : view.display.boot) text += "  " + boot.name + " (" + boot.device + ") on " + boot.card + "\n";
  for (const auto& card : view.display.cards) {
    text += "  " + card.name + " " + card.address + " " + card.driver;
    for (const auto& connector : card.connected) text += " " + connector;
    text += "\n";
  }
  text += "\nkernel log (" + view.log.source + (view.log.problem.empty() ? "" : ": " + view.log.problem) + "):\n";
  for (const auto& line : view.log.lines)
    if (is_relevant(line)) text += "  " + line + "\n";
  return redacted(text);
}

}  // namespace vgpukit::doctor
