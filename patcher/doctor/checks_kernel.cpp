// The installed kernels, and the files that configure their modules.
#include <algorithm>

#include "doctor/checks.hpp"
#include "support/text.hpp"

namespace vgpukit::doctor::check {

namespace {

struct ConfigLine {
  std::string file, text;
};

// The lines of these files, and of the *.conf files of these folders, without comments and empty lines. What does not
// exist has no lines.
std::vector<ConfigLine> config_lines(const Sysfs& sysfs, std::vector<std::string> files,
                                     const std::vector<std::string>& folders) {
  for (const auto& folder : folders)
    for (const auto& name : sysfs.list(folder))
      if (name.ends_with(".conf")) files.push_back(folder + "/" + name);
  std::vector<ConfigLine> all;
  for (const auto& file : files)
    each_line(sysfs.read(file).text, [&](std::string_view line) {
      line = line.substr(0, line.find('#'));
      if (!trimmed(line).empty()) all.push_back({file, std::string(line)});
    });
  return all;
}

// The ids of "10de:1e04,10de:10f7" in small letters. An id with its subsystem ("10de:1e04:1b4c:12ae") is shortened.
std::vector<std::string> ids_in(std::string list) {
  std::transform(list.begin(), list.end(), list.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::vector<std::string> ids;
  for (const auto id : words_of(list, ", \t")) ids.emplace_back(id.substr(0, 9));
  return ids;
}

Findings ids_findings(const HostView& view, const std::string& file, const std::string& list) {
  Findings findings;
  for (const auto& id : ids_in(list)) {
    std::vector<const system::PciDevice*> of_this_id;
    const system::PciDevice* subsystem = nullptr;
    for (const auto& device : view.pci.devices) {
      if (device.ids() == id) of_this_id.push_back(&device);
      system::PciDevice as_subsystem;
      as_subsystem.vendor = device.subsystem_vendor;
      as_subsystem.device = device.subsystem_device;
      if (as_subsystem.ids() == id && !subsystem) subsystem = &device;
    }
    const Evidence evidence{file, "ids=" + list};
    if (of_this_id.empty())
      findings.push_back(
          {.subject = subsystem ? subsystem->address : "",
           .state = State::fail,
           .what = subsystem ? id + " is the id of the board's maker, not of the device" : "no device has the id " + id,
           .evidence = {evidence},
           .why = "vfio-pci compares the device's own id, so it takes nothing",
           .next = subsystem
                       ? "write " + subsystem->ids() + " instead (the last brackets in the first line of lspci -nn)"
                       : "vgpukit passthrough groups shows the ids of this host's devices"});
    else if (of_this_id.size() > 1)
      findings.push_back({.state = State::warn,
                          .what = "ids=" + id + " takes " + std::to_string(of_this_id.size()) + " devices",
                          .evidence = {evidence, {of_this_id.front()->address, id}, {of_this_id.back()->address, id}},
                          .why = "every identical card goes to vfio-pci, also one that the host needs",
                          .next = "vgpukit passthrough apply CARD takes one card, by its address"});
  }
  return findings;
}

}  // namespace

Findings vfio_ids(const CheckInput& input) {
  Findings findings;
  const auto add = [&](const std::string& file, const std::string& list) {
    auto more = ids_findings(input.view, file, list);
    findings.insert(findings.end(), more.begin(), more.end());
  };
  for (const auto& line : config_lines(input.sysfs, {}, {"/etc/modprobe.d"})) {
    const auto words = split_words(line.text);
    if (words.size() < 2 || words[0] != "options" || (words[1] != "vfio-pci" && words[1] != "vfio_pci")) continue;
    for (const auto& word : words)
      if (word.starts_with("ids=")) add(line.file, word.substr(4));
  }
  if (const auto* parameter = input.view.parameters.find("vfio-pci.ids"); parameter && parameter->value)
    add("/proc/cmdline", *parameter->value);
  return findings;
}

Findings vfio_virqfd(const CheckInput& input) {
  // Kernel commit "vfio: Fold vfio_virqfd.ko into vfio.ko", 6.2.
  if (!input.view.kernel_is_at_least("6.2")) return {};
  Findings findings;
  for (const auto& line : config_lines(
           input.sysfs, {"/etc/initramfs-tools/modules", "/etc/mkinitcpio.conf", "/etc/modules", "/etc/dracut.conf"},
           {"/etc/modules-load.d", "/etc/dracut.conf.d", "/etc/mkinitcpio.conf.d"})) {
    // MODULES=(vfio_pci "vfio"), force_drivers+=" vfio ": the punctuation of each tool separates words.
    const auto words = words_of(line.text, " ()\"'=,\t\r+");
    if (std::find(words.begin(), words.end(), "vfio_virqfd") == words.end()) continue;
    findings.push_back({.state = State::fail,
                        .what = "vfio_virqfd is in a list of modules to load, but no such module exists since 6.2",
                        .evidence = {{line.file, line.text}, {"/proc/sys/kernel/osrelease", input.view.release}},
                        .why = "mkinitcpio or dracut can fail because of it, and the next kernel then has no initramfs",
                        .next = "remove vfio_virqfd from " + line.file + " (it is a part of vfio now)"});
  }
  return findings;
}

Findings kernel_config(const CheckInput& input) {
  const auto& view = input.view;
  const auto config = running_config(view.host, view.release);
  if (config.source.empty())
    return {{.state = State::unknown,
             .what = "the kernel's configuration cannot be read",
             .evidence = {{"/proc/config.gz", "not there"}, {"/boot/config-" + view.release, "not there"}},
             .why = "it is not known whether the kernel has KVM and VFIO"}};
  const auto has = [&](const char* option) { return config.options.contains(option); };
  std::string missing;
  const auto want = [&](bool there, const char* name) {
    if (!there) append(missing, name);
  };
  want(has("CONFIG_KVM"), "CONFIG_KVM");
  want(has("CONFIG_KVM_VFIO"), "CONFIG_KVM_VFIO");
  want(has("CONFIG_VFIO_IOMMU_TYPE1") || has("CONFIG_IOMMUFD_VFIO_CONTAINER"), "CONFIG_VFIO_IOMMU_TYPE1");
  want(has("CONFIG_VFIO_PCI"), "CONFIG_VFIO_PCI");
  // For vGPUs: mdev up to Turing and for drivers before Linux 6.8, vendor VFIO (on vfio-pci-core) after that.
  want(has("CONFIG_VFIO_MDEV") || has("CONFIG_VFIO_PCI_CORE"), "CONFIG_VFIO_MDEV or CONFIG_VFIO_PCI_CORE");
  if (missing.empty())
    return {{.what = "the kernel has KVM and VFIO", .evidence = {{config.source, "CONFIG_KVM_VFIO, CONFIG_VFIO_PCI"}}}};
  return {{.state = State::fail,
           .what = "the kernel was built without " + missing,
           .evidence = {{config.source, missing + " not set"}},
           .why = "guests cannot use cards with this kernel",
           .next = "boot a kernel of your distribution, or rebuild this one with these options"}};
}

Findings kernel_headers(const CheckInput& input) {
  const auto& kernels = input.view.kernels;
  Findings findings;
  for (const auto& kernel : kernels) {
    if (kernel.problem.empty()) {
      findings.push_back({.what = "a driver can be built for " + kernel.release,
                          .evidence = {{"/lib/modules/" + kernel.release + "/build", "complete"}}});
      continue;
    }
    const bool matters = kernel.running || &kernel == &kernels.back();
    findings.push_back({.state = matters ? State::fail : State::warn,
                        .what = "no driver can be built for " + kernel.release +
                                (kernel.running ? " (the running kernel)" : "") + ": " + kernel.problem,
                        .evidence = {{"/lib/modules/" + kernel.release + "/build", kernel.problem}},
                        .why = kernel.running ? "vgpukit builds for the running kernel unless --kernel names another"
                                              : "that kernel boots without an NVIDIA driver",
                        .next = kernel.next});
  }
  return findings;
}

}  // namespace vgpukit::doctor::check
