// vGPUs: the host driver, its services, and what each card offers.
#include <algorithm>

#include "doctor/checks.hpp"
#include "support/text.hpp"
#include "vgpu/vgpu_list.hpp"

namespace vgpukit::doctor::check {

namespace {

using Is = system::ServiceState::Is;
using vgpu::CardSupport;

// The cards that NVIDIA's driver has. The others cannot have vGPUs now, and card.driver tells why.
std::vector<const system::PciDevice*> driver_cards(const HostView& view) {
  auto cards = view.pci.nvidia_cards();
  std::erase_if(cards, [](const auto* card) { return card->driver != "nvidia"; });
  return cards;
}

std::size_t types_of(const HostView& view, const std::string& address) {
  const auto* card = view.vgpus.card(address);
  return card ? card->types.size() : 0;
}

bool any_types(const HostView& view) {
  return std::any_of(view.vgpus.cards.begin(), view.vgpus.cards.end(),
                     [](const vgpu::VgpuCard& card) { return !card.types.empty(); });
}

// Whether the card should offer types: it has vGPUs with this driver.
bool is_vgpu_card(const CheckInput& input, const system::PciDevice& card) {
  return vgpu::card_support(input.sysfs, card.address, input.view.vgpu_driver).is != CardSupport::Is::no;
}

}  // namespace

Findings vgpu_driver(const CheckInput& input) {
  const auto& driver = input.view.vgpu_driver;
  if (input.view.pci.nvidia_cards().empty()) return {};
  if (!driver.for_vgpus()) {
    if (driver.version.empty()) return {};
    return {{.what = "the driver " + driver.version + " is not one for vGPU hosts (vgpu-kvm): whole cards only",
             .evidence = {{"/sys/module/nvidia_vgpu_vfio", "not there"}},
             .next = "for vGPUs install the vgpu-kvm package: vgpukit install FILE.run"}};
  }
  if (driver.loaded)
    return {{.what = "the driver " + driver.version + " is one for vGPU hosts (vgpu-kvm)",
             .evidence = {{driver.evidence, "loaded"}}}};
  return {{.state = State::fail,
           .what = "a driver for vGPU hosts is installed, but its module nvidia_vgpu_vfio is not loaded",
           .evidence = {{driver.evidence, "there"}, {"/sys/module/nvidia_vgpu_vfio", "not there"}},
           .why = "without it there are no vGPUs",
           .next = driver.version.empty() ? "vgpukit load"
                                          : "vgpukit load; if there is no such module, the loaded driver " +
                                                driver.version + " is another one: vgpukit status"}};
}

Findings vgpu_card(const CheckInput& input) {
  const auto& driver = input.view.vgpu_driver;
  if (!driver.for_vgpus()) return {};
  const auto cards = driver_cards(input.view);
  const auto supported = [&](const system::PciDevice* card) {
    return vgpu::card_support(input.sysfs, card->address, driver).is == CardSupport::Is::yes;
  };
  const bool another = std::any_of(cards.begin(), cards.end(), supported);
  Findings findings;
  for (const auto* card : cards) {
    const auto support = vgpu::card_support(input.sysfs, card->address, driver);
    Finding finding{.subject = card->address,
                    .what = support.what,
                    .evidence = {{card->folder() + "/device", card->ids()},
                                 {"/sys/module/nvidia/version", driver.version.empty() ? "not there" : driver.version}},
                    .next = support.next};
    // What a driver offers is right, whatever the table says.
    if (types_of(input.view, card->address) == 0 && support.is != CardSupport::Is::yes) {
      finding.state = support.is == CardSupport::Is::unknown ? State::unknown : another ? State::warn : State::fail;
      finding.why = "no vGPU can be made on it";
    }
    findings.push_back(std::move(finding));
  }
  return findings;
}

Findings vgpu_services(const CheckInput& input) {
  const auto& view = input.view;
  if (!view.vgpu_driver.loaded) return {};
  Findings findings;
  for (const auto& service : view.vgpu_services) {
    const bool describes = service.unit == "nvidia-vgpud.service";
    Finding finding{.what = service.text(),
                    .evidence = {{service.file.empty() ? service.unit : service.file, service.state}}};
    for (const auto& line : service.lines) finding.evidence.push_back({"journal of " + service.unit, line});
    const bool fine = service.is == Is::running || (describes && service.is == Is::done);
    if (fine || (describes && any_types(view))) {
      finding.what = service.unit + ": " + (fine ? service.state : "the cards offer types, so it has done its work");
      findings.push_back(std::move(finding));
      continue;
    }
    const bool known = service.is != Is::installed && service.is != Is::unknown;
    finding.state = known ? State::fail : State::unknown;
    finding.why = describes
                      ? "it describes the vGPU types to the driver: without it the cards offer none"
                      : "it starts the vGPUs of virtual machines: without it a machine with a vGPU does not start";
    finding.next = service.is == Is::missing
                       ? "it comes with the vGPU host driver: install that again (vgpukit install FILE.run)"
                       : "systemctl status " + service.unit + "; journalctl -b -u " + service.unit +
                             "; then systemctl restart " + service.unit;
    if (std::any_of(service.lines.begin(), service.lines.end(),
                    [](const auto& line) { return contains(line, "not supported by vGPU"); }))
      finding.next = "it says that the card has no vGPUs: see vgpu.card";
    findings.push_back(std::move(finding));
  }
  return findings;
}

Findings vgpu_sriov(const CheckInput& input) {
  const auto& view = input.view;
  if (!view.vgpu_driver.for_vgpus()) return {};
  Findings findings;
  for (const auto* card : driver_cards(view)) {
    if (!vgpu::needs_functions(input.sysfs, card->address) || !is_vgpu_card(input, *card)) continue;
    const auto total = input.sysfs.read(card->folder() + "/sriov_totalvfs").text;
    const auto made = input.sysfs.read(card->folder() + "/sriov_numvfs").text;
    Finding finding{.subject = card->address};
    if (total.empty() || total == "0") {
      finding.state = State::fail;
      finding.what = "the card shows no SR-IOV";
      finding.evidence = {{card->folder() + "/sriov_totalvfs", total.empty() ? "not there" : total}};
      finding.why = "the vGPUs of this card are on virtual functions";
      finding.next = vgpu::sriov_hint;
      findings.push_back(std::move(finding));
      continue;
    }
    finding.evidence = {{card->folder() + "/sriov_totalvfs", total}, {card->folder() + "/sriov_numvfs", made}};
    if (const auto ari = input.sysfs.read(card->folder() + "/ari_enabled").text; ari == "0" && total.size() > 1) {
      finding.state = State::warn;
      finding.evidence.push_back({card->folder() + "/ari_enabled", "0"});
      finding.why = "without ARI only a few of the virtual functions have an address on the card's bus";
      finding.next = vgpu::sriov_hint;
    }
    if (made.empty() || made == "0") {
      finding.what = "its " + total + " virtual functions are not made";
      if (finding.state == State::ok) finding.next = "vgpukit vgpu create and vgpukit vgpu apply make them";
      findings.push_back(std::move(finding));
      continue;
    }
    std::string others;
    for (const auto& name : input.sysfs.list(card->folder())) {
      if (!name.starts_with("virtfn")) continue;
      const auto function = input.sysfs.link_name(card->folder() + "/" + name);
      const auto* device = view.pci.find(function);
      if (device && device->driver != "nvidia")
        append(others, function + ": " + (device->driver.empty() ? "no driver" : device->driver));
    }
    finding.what = made + " of " + total + " virtual functions are made";
    if (!others.empty()) finding.evidence.push_back({card->folder() + "/virtfn*", others});
    findings.push_back(std::move(finding));
  }
  return findings;
}

Findings vgpu_types(const CheckInput& input) {
  const auto& view = input.view;
  if (!view.vgpu_driver.loaded) return {};
  Findings findings;
  for (const auto* card : driver_cards(view)) {
    const auto* offered = view.vgpus.card(card->address);
    if (offered && !offered->types.empty()) {
      std::size_t left = 0;
      for (const auto& [id, type] : offered->types)
        if (vgpu::use_of(view.vgpus, *offered, type).available > 0) ++left;
      const auto used = std::count_if(view.vgpus.devices.begin(), view.vgpus.devices.end(),
                                      [&](const vgpu::Vgpu& device) { return device.card == card->address; });
      Finding finding{.subject = card->address,
                      .what = "the card offers " + std::to_string(offered->types.size()) + " vGPU types, " +
                              std::to_string(left) + " of them with instances left; " + std::to_string(used) +
                              (used == 1 ? " vGPU exists" : " vGPUs exist"),
                      .evidence = {{offered->interface == vgpu::VgpuInterface::mdev
                                        ? "/sys/class/mdev_bus"
                                        : card->folder() + "/virtfn*/nvidia/creatable_vgpu_types",
                                    std::string(vgpu::interface_name(offered->interface))}}};
      if (left == 0 && used == 0) {
        finding.state = State::fail;
        finding.why = "no vGPU can be made, although none exists";
        finding.next =
            "look whether MIG mode is on (nvidia-smi -q -d MIG_MODE), and what holds the card's memory "
            "(nvidia-smi)";
      }
      findings.push_back(std::move(finding));
      continue;
    }
    if (!is_vgpu_card(input, *card)) continue;                                        // vgpu.card says so
    if (offered && offered->most_functions > 0 && offered->functions == 0) continue;  // vgpu.sriov says so
    const auto error = vgpu::no_types(view.host, input.sysfs, card->address);
    findings.push_back({.subject = card->address,
                        .state = State::fail,
                        .what = "the driver offers no vGPU types on the card",
                        .evidence = {{"/sys/class/mdev_bus", "no types of " + card->address}},
                        .why = error.why,
                        .next = error.next});
  }
  return findings;
}

namespace {

// What vgpus.yaml wants of the card, or null.
const vgpu::CardSettings* settings_of(const CheckInput& input, const system::PciDevice& card) {
  for (const auto& each : input.view.vgpu_definitions.cards)
    if (const auto place = vgpu::find_place(input.view.vgpus, each.card); place && place->card == card.address)
      return &each;
  return nullptr;
}

}  // namespace

Findings vgpu_modes(const CheckInput& input) {
  const auto& view = input.view;
  if (!view.vgpu_driver.loaded) return {};
  Findings findings;
  for (const auto* card : driver_cards(view)) {
    if (!is_vgpu_card(input, *card)) continue;
    Finding finding{.subject = card->address};
    if (!view.smi.problem.empty()) {
      if (!view.host.is_host()) continue;  // not_checked() says so
      finding.state = State::unknown;
      finding.what = "ECC, MIG mode, scheduler and mixed sizes are not known: nvidia-smi: " + view.smi.problem;
      finding.evidence = {{"nvidia-smi -q", view.smi.problem}};
      finding.next = "run nvidia-smi -q; if it hangs, see card.log and dmesg";
      findings.push_back(std::move(finding));
      continue;
    }
    const auto value = [&](const char* key) { return view.smi.value(card->address, key); };
    const auto show = [&](const char* name, const std::string& text) {
      if (!text.empty()) append(finding.what, std::string(name) + " " + text);
    };
    const auto mig = value("MIG Mode/Current");
    const auto pending = value("MIG Mode/Pending");
    const auto mode = value("GPU Virtualization Mode/Virtualization Mode");
    const auto* wanted = settings_of(input, *card);
    show("virtualization mode", mode);
    show("ECC", value("ECC Mode/Current").empty() ? value("Ecc Mode/Current") : value("ECC Mode/Current"));
    show("MIG", mig);
    show("scheduler", value("Scheduler Policy").empty() ? value("vGPU Scheduler State/Scheduler Policy")
                                                        : value("Scheduler Policy"));
    show("mixed sizes", value("GPU Virtualization Mode/vGPU Heterogeneous Mode"));
    show("mixed sizes can be", value("vGPU Device Capability/Heterogeneous Time-Slice Sizes"));
    if (finding.what.empty()) continue;
    finding.evidence = {{"nvidia-smi -q", finding.what}};
    if (!pending.empty() && pending != mig) {
      finding.state = State::warn;
      finding.what = "MIG mode is " + mig + ", and " + pending + " after the next reset of the card";
      finding.why = "the types that the card offers depend on it";
      // A reboot would not help where it takes the mode away again.
      finding.next = "nvidia-smi --gpu-reset -i " + card->address + " (nothing may use the card)" +
                     (vgpu::loses_mig_mode(input.sysfs, card->address) ? "" : ", or reboot");
    } else if (wanted && !wanted->gpu_instances.empty() && mig != "Enabled") {
      finding.state = State::warn;
      finding.why = wanted->where.file + " wants GPU instances on the card, and " +
                    (mig.empty() ? "it has no MIG mode" : "MIG mode is off");
      finding.next = mig.empty() ? "remove gpu-instances of this card from the file"
                                 : "vgpukit vgpu apply, while the card has no vGPU";
    } else if (wanted && wanted->mixed_sizes && value("GPU Virtualization Mode/vGPU Heterogeneous Mode") != "Enabled") {
      finding.state = State::warn;
      finding.why = wanted->where.file + " wants mixed sizes on the card, and they are off";
      finding.next = "vgpukit vgpu apply, while the card has no vGPU";
    } else if (!mode.empty() && !mode.starts_with("Host")) {
      finding.state = State::fail;
      finding.what = "the card's virtualization mode is " + mode + ", not Host VGPU";
      finding.why = "in this mode it offers no vGPUs";
      finding.next =
          "is this host itself a virtual machine? vGPUs are made on the machine that has the card; otherwise "
          "install the vgpu-kvm driver";
    }
    findings.push_back(std::move(finding));
  }
  return findings;
}

Findings vgpu_mdevctl(const CheckInput& input) {
  const auto& all = input.view.vgpu_definitions.all;
  const bool any = std::any_of(all.begin(), all.end(),
                               [](const vgpu::VgpuDefinition& each) { return each.from_mdevctl && each.automatic; });
  if (!any) return {};
  for (const std::string folder : {"/etc/udev/rules.d/", "/usr/lib/udev/rules.d/", "/lib/udev/rules.d/"}) {
    const auto file = folder + "60-mdevctl.rules";
    const auto text = input.sysfs.read(file).text;
    const auto end = text.find("mdevctl start-parent-mdevs");
    if (end == std::string::npos) continue;
    const auto begin = text.find_last_of(" '\"", end) + 1;
    const auto program = text.substr(begin, end - begin) + "mdevctl";
    Finding finding{.what = "udev starts the vGPUs that mdevctl defined: " + program,
                    .evidence = {{file, "runs " + program + " start-parent-mdevs"}}};
    if (program.starts_with('/') && !input.sysfs.exists(program)) {
      // Debian 12: the package has /usr/bin/mdevctl.
      finding.what = "udev's rule for mdevctl runs " + program + ", which does not exist";
      finding.evidence.push_back({program, "not there"});
      const std::string unit = "vgpukit-vgpus.service";
      if (input.sysfs.exists("/etc/systemd/system/multi-user.target.wants/" + unit)) {
        finding.evidence.push_back({unit, "enabled"});
        finding.why = unit + " makes these vGPUs at boot instead";
      } else {
        finding.state = State::warn;
        finding.why = "vGPUs that are defined as auto do not exist after a boot";
        finding.next = "systemctl enable --now " + unit +
                       " (vgpukit vgpu apply makes them), or correct the path in a copy " +
                       "of the rule: /etc/udev/rules.d/60-mdevctl.rules";
      }
    }
    return {std::move(finding)};
  }
  return {};
}

Findings vgpu_guests(const CheckInput& input) {
  // NVIDIA's vGPU release notes, "Compatible NVIDIA vGPU Manager and Guest VM Releases": the same release, the one
  // before, and the long-term one before that.
  struct Release {
    unsigned branch;
    const char* name;
    const char* guests;
  };
  static constexpr Release releases[] = {
      {470, "13", "470, 460 and 450"}, {510, "14", "510 and 470"}, {525, "15", "525, 510 and 470"},
      {535, "16", "535, 525 and 470"}, {550, "17", "550 and 535"}, {570, "18", "570, 550 and 535"},
      {580, "19", "580, 570 and 535"},
  };
  const auto& driver = input.view.vgpu_driver;
  if (!driver.loaded) return {};
  for (const auto& release : releases)
    if (release.branch == driver.branch)
      return {{.what = "guest drivers of the branches " + std::string(release.guests) + " fit this host driver (vGPU " +
                       release.name + ")",
               .evidence = {{"/sys/module/nvidia/version", driver.version}}}};
  return {};
}

}  // namespace vgpukit::doctor::check
