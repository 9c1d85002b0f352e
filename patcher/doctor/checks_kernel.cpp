// The kernels that are installed, their modules, and what is written down for them.
#include <algorithm>
#include <sstream>

#include "doctor/doctor.hpp"

namespace vgpukit::doctor::check {

namespace {

struct Line {
  std::string file, text;
};

// The lines without comments of the files where modules and their options are written down. Gone files have none.
std::vector<Line> lines_of(const Sysfs& sysfs, std::vector<std::string> files,
                           const std::vector<std::string>& folders) {
  for (const auto& folder : folders)
    for (const auto& name : sysfs.list(folder))
      if (name.ends_with(".conf")) files.push_back(folder + "/" + name);
  std::vector<Line> all;
  for (const auto& file : files) {
    std::istringstream text(sysfs.read(file).text);
    for (std::string line; std::getline(text, line);) {
      line.erase(std::min(line.find('#'), line.size()));
      if (line.find_first_not_of(" \t\r") != std::string::npos) all.push_back({file, line});
    }
  }
  return all;
}

// Words, with what people put around them taken off: MODULES=(vfio_pci "vfio") -> MODULES, vfio_pci, vfio.
std::vector<std::string> words_of(std::string line) {
  for (auto& c : line)
    if (std::string_view("()\"'=,\t\r+").find(c) != std::string_view::npos) c = ' ';
  std::vector<std::string> words;
  std::istringstream text(line);
  for (std::string word; text >> word;) words.push_back(word);
  return words;
}

// The ids of "10de:1e04,10de:10f7", also with subsystem ("10de:1e04:1b4c:12ae"): the first two parts.
std::vector<std::string> ids_in(std::string list) {
  std::replace(list.begin(), list.end(), ',', ' ');
  std::vector<std::string> ids;
  std::istringstream text(list);
  for (std::string id; text >> id;) {
    std::transform(id.begin(), id.end(), id.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    ids.push_back(id.substr(0, 9));
  }
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
           .why = "vfio-pci looks at the device's own id, and takes nothing",
           .next = subsystem ? "write " + subsystem->ids() + " instead (the last brackets of lspci -nn's first line)"
                             : "vgpukit passthrough groups shows the ids that are here"});
    else if (of_this_id.size() > 1)
      findings.push_back({.state = State::warn,
                          .what = "ids=" + id + " takes " + std::to_string(of_this_id.size()) + " devices",
                          .evidence = {evidence, {of_this_id.front()->address, id}, {of_this_id.back()->address, id}},
                          .why = "every identical card goes to vfio-pci, the host's own as well",
                          .next = "vgpukit passthrough plan CARD takes one by its address"});
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
  for (const auto& line : lines_of(input.sysfs, {}, {"/etc/modprobe.d"})) {
    std::istringstream words(line.text);
    std::string first, module;
    words >> first >> module;
    if (first != "options" || (module != "vfio-pci" && module != "vfio_pci")) continue;
    for (std::string word; words >> word;)
      if (word.starts_with("ids=")) add(line.file, word.substr(4));
  }
  if (const auto* parameter = input.view.parameters.find("vfio-pci.ids"); parameter && parameter->value)
    add("/proc/cmdline", *parameter->value);
  return findings;
}

Findings vfio_virqfd(const CheckInput& input) {
  // Folded into vfio: "vfio: Fold vfio_virqfd.ko into vfio.ko", 6.2.
  if (!input.view.kernel_is_at_least("6.2")) return {};
  Findings findings;
  for (const auto& line : lines_of(
           input.sysfs, {"/etc/initramfs-tools/modules", "/etc/mkinitcpio.conf", "/etc/modules", "/etc/dracut.conf"},
           {"/etc/modules-load.d", "/etc/dracut.conf.d", "/etc/mkinitcpio.conf.d"})) {
    const auto words = words_of(line.text);
    if (std::find(words.begin(), words.end(), "vfio_virqfd") == words.end()) continue;
    findings.push_back(
        {.state = State::fail,
         .what = "vfio_virqfd is to be loaded, and there is no such module since 6.2",
         .evidence = {{line.file, line.text}, {"/proc/sys/kernel/osrelease", input.view.release}},
         .why = "mkinitcpio and dracut may refuse to make an initramfs with it, and then the next kernel has none",
         .next = "take vfio_virqfd out of " + line.file + " (vfio has it in itself now)"});
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
             .why = "whether it has KVM and VFIO cannot be told"}};
  const auto has = [&](const char* option) { return config.options.contains(option); };
  std::string missing;
  const auto want = [&](bool there, const char* name) {
    if (!there) missing += (missing.empty() ? "" : ", ") + std::string(name);
  };
  want(has("CONFIG_KVM"), "CONFIG_KVM");
  want(has("CONFIG_KVM_VFIO"), "CONFIG_KVM_VFIO");
  want(has("CONFIG_VFIO_IOMMU_TYPE1") || has("CONFIG_IOMMUFD_VFIO_CONTAINER"), "CONFIG_VFIO_IOMMU_TYPE1");
  want(has("CONFIG_VFIO_PCI"), "CONFIG_VFIO_PCI");
  // vGPUs: mdev up to Turing and before 6.8's drivers, vendor VFIO (on vfio-pci-core) afterwards.
  want(has("CONFIG_VFIO_MDEV") || has("CONFIG_VFIO_PCI_CORE"), "CONFIG_VFIO_MDEV or CONFIG_VFIO_PCI_CORE");
  if (missing.empty())
    return {{.what = "the kernel has KVM and VFIO", .evidence = {{config.source, "CONFIG_KVM_VFIO, CONFIG_VFIO_PCI"}}}};
  return {{.state = State::fail,
           .what = "the kernel was built without " + missing,
           .evidence = {{config.source, missing + " not set"}},
           .why = "cards cannot be given to guests with it",
           .next = "boot a kernel of your distribution, or build this one with those options"}};
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
                                (kernel.running ? " (it runs now)" : "") + ": " + kernel.problem,
                        .evidence = {{"/lib/modules/" + kernel.release + "/build", kernel.problem}},
                        .why = "when that kernel boots there is no NVIDIA driver",
                        .next = kernel.next});
  }
  return findings;
}

}  // namespace vgpukit::doctor::check
