#include "doctor/doctor.hpp"

#include "doctor/checks.hpp"

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
      {"cpu.virtualization", check::cpu_virtualization},
      {"cpu.kvm", check::cpu_kvm},
      {"kvm.access", check::kvm_access},
      {"user.groups", check::user_groups},
      {"iommu.on", check::iommu_on},
      {"iommu.remapping", check::iommu_remapping},
      {"boot.loader", check::boot_loader},
      {"passthrough.applied", check::passthrough_applied},
      {"parameters.useless", check::parameters_useless},
      {"parameters.harmful", check::parameters_harmful},
      {"parameters.acs", check::parameters_acs},
      {"display.boot-vga", check::display_boot_vga},
      {"display.framebuffer", check::display_framebuffer},
      {"cards.here", check::cards_here},
      {"cards.one-driver", check::cards_one_driver},
      {"card.branch", check::card_branch},
      {"card.driver", check::card_driver},
      {"card.functions", check::card_functions},
      {"card.group", check::card_group},
      {"card.reset", check::card_reset},
      {"card.log", check::card_log},
      {"vgpu.driver", check::vgpu_driver},
      {"vgpu.card", check::vgpu_card},
      {"vgpu.service", check::vgpu_services},
      {"vgpu.sriov", check::vgpu_sriov},
      {"vgpu.types", check::vgpu_types},
      {"vgpu.modes", check::vgpu_modes},
      {"vgpu.mdevctl", check::vgpu_mdevctl},
      {"vgpu.guests", check::vgpu_guests},
      {"vfio.ids", check::vfio_ids},
      {"vfio.virqfd", check::vfio_virqfd},
      {"driver.persistenced", check::driver_persistenced},
      {"kernel.config", check::kernel_config},
      {"kernel.headers", check::kernel_headers},
      {"kernel.driver", check::kernel_driver},
      {"driver.dkms", check::driver_dkms},
      {"secure-boot", check::secure_boot},
  };
  return all;
}

const std::vector<Check>& guest_checks() {
  static const std::vector<Check> all = {
      {"guest.card", check::guest_card},     {"guest.vbios", check::guest_vbios},
      {"guest.msi", check::guest_msi},       {"guest.init", check::guest_init},
      {"guest.hidden", check::guest_hidden}, {"guest.memory", check::guest_memory},
      {"guest.branch", check::guest_branch}, {"guest.secure-boot", check::guest_secure_boot},
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
