// Which devices vfio-pci has to take from the boot on for one card, how they are named to it, and what that would cost
// the host.
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

// All that has to be remembered about a card: what is written for it can be written again when the card is out of the
// machine.
struct CardClaim {
  std::string address;                         // of the card's first function
  std::vector<ClaimedFunction> functions;      // all of the card, and what has to go along
  std::vector<std::string> competing_modules;  // modules that would take one of them, and wait until vfio-pci has
  std::vector<std::string> parameters;         // of the kernel
  bool by_address = false;                     // not by ids
};
nlohmann::json claim_json(const CardClaim& claim);
// Error: usage for what is none.
Result<CardClaim> claim_from_json(const nlohmann::json& data);

// What apply does only when it is told to.
struct ClaimRisk {
  std::string option;  // that tells: "--force-lose-the-only-display"
  std::string text;
};

struct ClaimPlan {
  CardClaim claim;
  std::vector<std::string> reasons;   // of each decision
  std::vector<std::string> warnings;  // what the user should know before the reboot
  std::vector<ClaimRisk> risks;
};

inline constexpr const char* force_display = "--force-lose-the-only-display";
inline constexpr const char* force_host_devices = "--force-take-host-devices";

// The card that a user means, for those commands that change something: an NVIDIA card, not a virtual function, all of
// it readable. With `any_device`, any device that is no bridge.
Result<const system::PciDevice*> find_own_card(const system::PciView& pci, std::string_view word,
                                               bool any_device = false);

// Whether pictures come out of it: a 3D controller (Tesla) has no connectors.
bool shows_pictures(const system::PciDevice& device, const system::Display& display);
// Whether the host has no other card that pictures come out of.
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

// Error: missing where no installed kernel has vfio-pci.
Result<ClaimPlan> plan_claim(const ClaimView& view, const system::PciDevice& card);

}  // namespace vgpukit::passthrough
