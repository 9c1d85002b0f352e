// The checks, one function each. doctor.cpp lists them with their ids; docs/doctor.md has a paragraph for each id.
#pragma once

#include "doctor/doctor.hpp"

namespace vgpukit::doctor::check {

// checks_cpu.cpp
Findings cpu_virtualization(const CheckInput& input);
Findings cpu_kvm(const CheckInput& input);
Findings iommu_on(const CheckInput& input);
Findings iommu_remapping(const CheckInput& input);
Findings kvm_access(const CheckInput& input);
Findings user_groups(const CheckInput& input);

// checks_parameters.cpp
Findings parameters_useless(const CheckInput& input);
Findings parameters_harmful(const CheckInput& input);
Findings parameters_acs(const CheckInput& input);

// checks_boot.cpp
Findings boot_loader(const CheckInput& input);
Findings passthrough_applied(const CheckInput& input);

// checks_display.cpp
Findings display_boot_vga(const CheckInput& input);
Findings display_framebuffer(const CheckInput& input);

// checks_cards.cpp
Findings cards_here(const CheckInput& input);
Findings cards_one_driver(const CheckInput& input);
Findings card_branch(const CheckInput& input);
Findings card_driver(const CheckInput& input);
Findings card_functions(const CheckInput& input);
Findings card_group(const CheckInput& input);
Findings card_reset(const CheckInput& input);

// checks_log.cpp
Findings card_log(const CheckInput& input);

// checks_vgpu.cpp
Findings vgpu_driver(const CheckInput& input);
Findings vgpu_card(const CheckInput& input);
Findings vgpu_services(const CheckInput& input);
Findings vgpu_sriov(const CheckInput& input);
Findings vgpu_types(const CheckInput& input);
Findings vgpu_modes(const CheckInput& input);
Findings vgpu_mdevctl(const CheckInput& input);
Findings vgpu_guests(const CheckInput& input);

// checks_kernel.cpp
Findings vfio_ids(const CheckInput& input);
Findings vfio_virqfd(const CheckInput& input);
Findings kernel_config(const CheckInput& input);
Findings kernel_headers(const CheckInput& input);

// checks_driver.cpp
Findings driver_dkms(const CheckInput& input);
Findings driver_persistenced(const CheckInput& input);
Findings kernel_driver(const CheckInput& input);
Findings secure_boot(const CheckInput& input);

// checks_guest.cpp
Findings guest_card(const CheckInput& input);
Findings guest_vbios(const CheckInput& input);
Findings guest_msi(const CheckInput& input);
Findings guest_init(const CheckInput& input);
Findings guest_hidden(const CheckInput& input);
Findings guest_memory(const CheckInput& input);
Findings guest_branch(const CheckInput& input);
Findings guest_secure_boot(const CheckInput& input);

}  // namespace vgpukit::doctor::check
