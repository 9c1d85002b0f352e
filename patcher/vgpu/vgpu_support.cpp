#include "vgpu/vgpu_support.hpp"

#include <algorithm>
#include <charconv>

#include "support/version.hpp"
#include "system/nvidia_chips.hpp"
#include "system/services.hpp"

namespace vgpukit::vgpu {

namespace {

unsigned hex_in(const Sysfs& sysfs, const std::string& path) {
  const auto text = sysfs.read(path).text;
  unsigned value = 0;
  const std::string_view digits = std::string_view(text).substr(text.starts_with("0x") ? 2 : 0);
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

// The name of the table, or the one that the driver gives the card.
std::string name_of(const Sysfs& sysfs, const std::string& address, unsigned device, unsigned subsystem) {
  auto name = system::chip_text(device, subsystem);
  if (!system::card_name(device, subsystem).empty()) return name;
  const auto text = sysfs.read("/proc/driver/nvidia/gpus/" + address + "/information").text;
  if (!text.starts_with("Model:")) return name;
  const auto model = text.substr(6, text.find('\n') - 6);
  const auto begin = model.find_first_not_of(" \t");
  if (begin == std::string::npos) return name;
  const auto bracket = name.find('(');
  return model.substr(begin) + (bracket == std::string::npos ? "" : " " + name.substr(bracket));
}

std::string range_of(const system::Chip& chip) {
  const auto first = std::to_string(chip.first_vgpu);
  return chip.last_vgpu == 0 ? first + " and newer" : first + " to " + std::to_string(chip.last_vgpu);
}

}  // namespace

HostDriver host_driver(const Sysfs& sysfs) {
  HostDriver driver;
  driver.version = sysfs.read("/sys/module/nvidia/version").text;
  if (const auto version = Version::leading(driver.version)) driver.branch = version->parts.front();
  for (const std::string file : {"/sys/module/nvidia_vgpu_vfio", "/usr/bin/nvidia-vgpud", "/usr/bin/nvidia-vgpu-mgr",
                                 "/usr/share/nvidia/vgpu/vgpuConfig.xml"}) {
    if (!sysfs.exists(file)) continue;
    driver.evidence = file;
    driver.loaded = file.starts_with("/sys/");
    break;
  }
  return driver;
}

CardSupport card_support(const Sysfs& sysfs, const std::string& address, const HostDriver& driver) {
  using Is = CardSupport::Is;
  const auto folder = "/sys/bus/pci/devices/" + address;
  const auto device = hex_in(sysfs, folder + "/device");
  const auto name = name_of(sysfs, address, device, hex_in(sysfs, folder + "/subsystem_device"));
  const auto chip = system::chip_of(device);
  if (!chip)
    return {Is::unknown, name + ": whether it has vGPUs is not known",
            "look for it in the list of supported GPUs of NVIDIA's vGPU release notes (docs.nvidia.com/vgpu)"};
  if (!system::has_vgpus(device)) {
    if (chip->vgpu_cards_complete)
      return {Is::no, name + ": this card has no vGPUs with any driver",
              "only the cards in NVIDIA's list of supported GPUs have vGPUs (docs.nvidia.com/vgpu); the whole card can "
              "be given to a guest: vgpukit passthrough plan " +
                  address};
    return {Is::unknown, name + ": it is not in vgpukit's list of cards with vGPUs, and may be newer than the list",
            "look for it in the list of supported GPUs of NVIDIA's vGPU release notes (docs.nvidia.com/vgpu)"};
  }
  const auto range = name + ": vGPUs with driver branches " + range_of(*chip);
  if (driver.branch == 0) return {Is::yes, range, ""};
  const bool too_new = chip->last_vgpu != 0 && driver.branch > chip->last_vgpu;
  if (!too_new && driver.branch >= chip->first_vgpu) return {Is::yes, range, ""};
  return {Is::no, range + ", but the loaded driver is " + driver.version,
          "install a vGPU host driver of branch " + std::to_string(too_new ? chip->last_vgpu : chip->first_vgpu) +
              (too_new ? "" : " or newer")};
}

namespace {

bool is_of_generation(const Sysfs& sysfs, const std::string& address, std::initializer_list<std::string_view> names) {
  const auto chip = system::chip_of(hex_in(sysfs, "/sys/bus/pci/devices/" + address + "/device"));
  return chip && std::find(names.begin(), names.end(), chip->generation) != names.end();
}

}  // namespace

bool needs_functions(const Sysfs& sysfs, const std::string& address) {
  return is_of_generation(sysfs, address, {"Ampere", "Ada", "Hopper", "Blackwell"});
}

bool loses_mig_mode(const Sysfs& sysfs, const std::string& address) {
  return is_of_generation(sysfs, address, {"Hopper", "Blackwell"});
}

std::string mig_mode_hint(const Sysfs& sysfs, const std::string& address) {
  return "gpu-instances for the card in vgpus.yaml, then vgpukit vgpu apply, while the card has no vGPU (by hand: "
         "nvidia-smi -i " +
         address + " -mig 1; it may want a reset of this one GPU, not of the host: nvidia-smi --gpu-reset -i " +
         address + (loses_mig_mode(sysfs, address) ? "); this card loses MIG mode at each reboot" : ")");
}

Error no_types(const HostPaths& host, const Sysfs& sysfs, const std::string& address) {
  const auto driver = host_driver(sysfs);
  const auto support = card_support(sysfs, address, driver);
  const auto tried = "make a vGPU on " + address;
  if (support.is == CardSupport::Is::no) return Error{ErrorKind::failed, tried, support.what, support.next};
  if (!driver.loaded)
    return Error{ErrorKind::failed, tried,
                 support.what + "; but " +
                     (driver.version.empty() ? std::string("no NVIDIA driver is loaded")
                                             : "the loaded driver " + driver.version +
                                                   " is not one for vGPU hosts: nvidia_vgpu_vfio is not loaded"),
                 driver.for_vgpus() ? "vgpukit load" : "install the vgpu-kvm driver: vgpukit install FILE.run"};
  const auto folder = "/sys/bus/pci/devices/" + address;
  if (needs_functions(sysfs, address) && !sysfs.exists(folder + "/sriov_totalvfs"))
    return Error{ErrorKind::failed, tried,
                 "its vGPUs need virtual functions, and the card shows no SR-IOV (there is no sriov_totalvfs)",
                 sriov_hint};
  const auto service = system::service_state(host, sysfs, "nvidia-vgpud.service");
  return Error{ErrorKind::failed, tried,
               "the driver " + driver.version + " offers no vGPU types on it (" + support.what + "); " + service.text(),
               "nvidia-vgpud describes the types to the driver: look at systemctl status nvidia-vgpud and journalctl "
               "-b -u nvidia-vgpud, start it again, and try again; vgpukit doctor shows more"};
}

}  // namespace vgpukit::vgpu
