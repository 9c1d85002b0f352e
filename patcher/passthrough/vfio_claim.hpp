// Which devices vfio-pci has to take at boot for one card, how they are named to it (by ids or by address), and what
// the host loses.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "passthrough/vfio_modules.hpp"
#include "support/result.hpp"
#include "system/display.hpp"
#include "system/iommu_groups.hpp"
#include "system/kernel_parameters.hpp"
#include "system/pci.hpp"

namespace vgpukit::passthrough {

struct ClaimedFunction {
  std::string address, ids;
  bool evict = false;  // its driver is built into a kernel, and has it before vfio-pci can be loaded
};

// What is recorded about a card. It is enough to write the boot files again when the card is not in the machine.
struct CardClaim {
  std::string address;                         // of the card's first function
  std::vector<ClaimedFunction> functions;      // of the card, and the companions of its group
  std::vector<std::string> competing_modules;  // modules that would take one of them, and have to wait for vfio-pci
  std::vector<std::string> parameters;         // of the kernel
  bool by_address = false;                     // otherwise by ids
};
nlohmann::json claim_json(const CardClaim& claim);
// Error: usage if the JSON is not a claim.
Result<CardClaim> claim_from_json(const nlohmann::json& data);

// A disadvantage that apply needs an option for.
struct ClaimRisk {
  std::string option;  // "--force-lose-the-only-display"
  std::string text;
};

struct ClaimPlan {
  CardClaim claim;
  std::vector<std::string> reasons;   // one for each decision
  std::vector<std::string> warnings;  // what the user should know before the reboot
  std::vector<ClaimRisk> risks;
  std::vector<std::string> useless;  // parameters that are set and that the kernel does not heed
};

inline constexpr const char* force_display = "--force-lose-the-only-display";
inline constexpr const char* force_host_devices = "--force-take-host-devices";

// The card that a user means, for commands that change something: an NVIDIA card, not a virtual function, and every
// function readable. With `any_device`: any device but a bridge. Error: usage or missing.
Result<const system::PciDevice*> find_own_card(const system::PciView& pci, std::string_view word,
                                               bool any_device = false);

// The other devices that have to go to the guest: those of the groups that have a driver. vfio ignores devices without
// a driver (vfio_group_viable). Bridges stay with the host.
std::vector<const system::PciDevice*> companions(const system::GroupMembers& members);

// Whether a display can be connected to the device. A 3D controller (Tesla) has no connectors.
bool has_display_output(const system::PciDevice& device, const system::Display& display);
// Whether `taken` has a device with a display output, and the host no other one.
bool only_display(const system::PciView& pci, const system::Display& display,
                  const std::vector<const system::PciDevice*>& taken);

struct ClaimView {
  system::PciView pci;
  system::Display display;
  InstalledModules modules;
  std::string cpuinfo;                  // /proc/cpuinfo
  system::KernelParameters parameters;  // of the running kernel
};
ClaimView read_claim_view(const HostPaths& host, const Sysfs& sysfs);

// `applied`: what is recorded of an earlier apply for this card, or null. What it did is seen in the view: vfio-pci has
// the card, the IOMMU is on, and the framebuffer is off. Error: missing if no installed kernel has vfio-pci.
Result<ClaimPlan> plan_claim(const ClaimView& view, const system::PciDevice& card, const CardClaim* applied = nullptr);

}  // namespace vgpukit::passthrough
