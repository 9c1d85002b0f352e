// Whether a card has vGPUs at all with the loaded driver, and why it offers no types.
#pragma once

#include <string>

#include "support/result.hpp"
#include "support/sysfs.hpp"

namespace vgpukit::vgpu {

// The host driver for vGPUs (the vgpu-kvm flavour), as far as files show it.
struct HostDriver {
  std::string version;   // of the loaded nvidia module; empty: not loaded
  unsigned branch = 0;   // 535; 0: not known
  bool loaded = false;   // nvidia_vgpu_vfio is loaded, or a card offers types
  std::string evidence;  // the file that shows that this host is to have vGPUs; empty: nothing does
  // True if the driver's modules or its user space are those of a vGPU host.
  [[nodiscard]] bool for_vgpus() const { return !evidence.empty(); }
};
HostDriver host_driver(const Sysfs& sysfs);

struct CardSupport {
  enum class Is { yes, no, unknown };
  Is is = Is::unknown;
  std::string what;  // "Tesla P4 (GP104, Pascal): vGPUs with driver branches 367 to 535"
  std::string next;  // empty if `is` is yes
};
// `address`: of a physical function. Asks the table of system/nvidia_chips and the driver's branch.
CardSupport card_support(const Sysfs& sysfs, const std::string& address, const HostDriver& driver);

// Whether vGPUs of the card are on virtual functions: Ampere and newer (NVIDIA's vGPU user guide).
bool needs_functions(const Sysfs& sysfs, const std::string& address);
// Whether the card loses MIG mode at a reboot and when its driver is loaded anew: Hopper and newer (NVIDIA's MIG user
// guide).
bool loses_mig_mode(const Sysfs& sysfs, const std::string& address);
// What it takes to switch MIG mode on.
std::string mig_mode_hint(const Sysfs& sysfs, const std::string& address);
inline constexpr const char* sriov_hint =
    "switch on SR-IOV, VT-d or AMD-Vi, Above 4G Decoding and ARI in the firmware's setup";

// Why the driver offers no types on a card that it has, with what to do: the card has no vGPUs, its virtual functions
// do not exist, nvidia-vgpud (its state and last lines). Kind: failed.
Error no_types(const HostPaths& host, const Sysfs& sysfs, const std::string& address);

}  // namespace vgpukit::vgpu
