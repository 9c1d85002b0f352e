#include "doctor/doctor.hpp"

namespace vgpukit::doctor {

std::string_view state_name(State state) {
  switch (state) {
    case State::ok:
      return "ok";
    case State::warn:
      return "warn";
    case State::fail:
      return "fail";
    case State::unknown:
      break;
  }
  return "unknown";
}

const std::vector<Check>& host_checks() {
  static const std::vector<Check> all = {
      {"cpu.virtualization", "the processor can run virtual machines (vmx, svm)", check::cpu_virtualization},
      {"cpu.kvm", "KVM's module is loaded, and /dev/kvm is there", check::cpu_kvm},
      {"kvm.access", "the user may open /dev/kvm", check::kvm_access},
      {"user.groups", "the user is in the groups of KVM and libvirt", check::user_groups},
      {"iommu.on", "the IOMMU translates, so that there are groups", check::iommu_on},
      {"iommu.remapping", "interrupts of devices are remapped", check::iommu_remapping},
      {"parameters.useless", "kernel parameters that do nothing on this host", check::parameters_useless},
      {"parameters.harmful", "kernel parameters that make the host slow or blind", check::parameters_harmful},
      {"parameters.acs", "pcie_acs_override, which makes groups that are none", check::parameters_acs},
      {"display.boot-vga", "which card the firmware draws on", check::display_boot_vga},
      {"display.framebuffer", "whether the firmware's framebuffer holds a card's memory", check::display_framebuffer},
      {"cards.here", "NVIDIA cards, and that sysfs lets one read", check::cards_here},
      {"cards.one-driver", "whether one driver branch serves all NVIDIA cards", check::cards_one_driver},
      {"card.branch", "the card's chip, and which driver branches know it", check::card_branch},
      {"card.driver", "which driver has the card", check::card_driver},
      {"card.functions", "the card's other functions: audio, USB, UCSI", check::card_functions},
      {"card.group", "who shares the card's IOMMU group", check::card_group},
      {"card.reset", "whether the kernel can reset the card", check::card_reset},
      {"vfio.ids", "the ids that vfio-pci is told to take", check::vfio_ids},
      {"vfio.virqfd", "vfio_virqfd in lists of modules, where it is gone (6.2)", check::vfio_virqfd},
      {"driver.persistenced", "nvidia-persistenced, which keeps cards open", check::driver_persistenced},
      {"kernel.config", "KVM and VFIO in the kernel's configuration", check::kernel_config},
      {"kernel.headers", "headers and a compiler for every installed kernel", check::kernel_headers},
      {"kernel.driver", "the driver that vgpukit installed, for every kernel", check::kernel_driver},
      {"driver.dkms", "NVIDIA's driver in dkms, for every kernel", check::driver_dkms},
      {"secure-boot", "whether the kernel refuses unsigned modules", check::secure_boot},
  };
  return all;
}

const std::vector<Check>& guest_checks() {
  static const std::vector<Check> all = {
      {"guest.card", "an NVIDIA card is in this virtual machine, and its driver", check::guest_card},
      {"guest.vbios", "the driver could read the card's ROM", check::guest_vbios},
      {"guest.msi", "the card has message signalled interrupts", check::guest_msi},
      {"guest.init", "the driver could start the card", check::guest_init},
      {"guest.hidden", "a driver that refuses virtual machines does not see one (error 43)", check::guest_hidden},
      {"guest.memory", "the card's memory has an address in this machine", check::guest_memory},
      {"guest.branch", "this driver knows this card", check::guest_branch},
      {"guest.secure-boot", "the kernel loads the driver's modules", check::guest_secure_boot},
  };
  return all;
}

Findings run_checks(const std::vector<Check>& checks, const CheckInput& input) {
  Findings all;
  for (const auto& each : checks) {
    auto found = each.run(input);
    for (auto& finding : found) {
      finding.id = each.id;
      all.push_back(std::move(finding));
    }
  }
  return all;
}

}  // namespace vgpukit::doctor
