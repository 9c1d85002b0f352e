// `vgpukit doctor`: is this host ready for vGPUs or for giving a whole card away, and if not, which line is to be
// changed. A check is a small function from what was read to findings; docs/doctor.md has a paragraph for each id.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "doctor/host_view.hpp"

namespace vgpukit::doctor {

enum class State { ok, warn, fail, unknown };
[[nodiscard]] std::string_view state_name(State state);

struct Evidence {
  std::string file;   // as the root knows it; or "the kernel log"
  std::string value;  // what stands there; "not there" is said in words
};

struct Finding {             // each member has a default, so that findings are written with names
  std::string id = {};       // of the check
  std::string subject = {};  // the PCI address that it is about; empty: the host
  State state = State::ok;
  std::string what = {};  // one line
  std::vector<Evidence> evidence = {};
  std::string why = {};   // why it matters; empty when it is ok
  std::string next = {};  // what to do; may be empty when it is ok
};

struct CheckInput {
  const HostView& view;
  const Sysfs& sysfs;
};
using Findings = std::vector<Finding>;  // none: the check has nothing to say of this host

struct Check {
  std::string_view id;
  std::string_view about;  // what it looks at, for docs and --help
  Findings (*run)(const CheckInput&);
};

[[nodiscard]] const std::vector<Check>& host_checks();
[[nodiscard]] const std::vector<Check>& guest_checks();
Findings run_checks(const std::vector<Check>& checks, const CheckInput& input);

// The checks, one by one, for the tables and for tests.
namespace check {
Findings cpu_virtualization(const CheckInput& input);
Findings cpu_kvm(const CheckInput& input);
Findings iommu_on(const CheckInput& input);
Findings iommu_remapping(const CheckInput& input);
Findings parameters_useless(const CheckInput& input);
Findings parameters_harmful(const CheckInput& input);
Findings parameters_acs(const CheckInput& input);
Findings display_boot_vga(const CheckInput& input);
Findings display_framebuffer(const CheckInput& input);
Findings cards_here(const CheckInput& input);
Findings cards_one_driver(const CheckInput& input);
Findings card_branch(const CheckInput& input);
Findings card_driver(const CheckInput& input);
Findings card_functions(const CheckInput& input);
Findings card_group(const CheckInput& input);
Findings card_reset(const CheckInput& input);
Findings vfio_ids(const CheckInput& input);
Findings vfio_virqfd(const CheckInput& input);
Findings driver_persistenced(const CheckInput& input);
Findings kernel_config(const CheckInput& input);
Findings kernel_headers(const CheckInput& input);
Findings kernel_driver(const CheckInput& input);
Findings driver_dkms(const CheckInput& input);
Findings secure_boot(const CheckInput& input);
Findings kvm_access(const CheckInput& input);
Findings user_groups(const CheckInput& input);

Findings guest_card(const CheckInput& input);
Findings guest_vbios(const CheckInput& input);
Findings guest_msi(const CheckInput& input);
Findings guest_init(const CheckInput& input);
Findings guest_hidden(const CheckInput& input);
Findings guest_memory(const CheckInput& input);
Findings guest_secure_boot(const CheckInput& input);
Findings guest_branch(const CheckInput& input);
}  // namespace check

}  // namespace vgpukit::doctor
