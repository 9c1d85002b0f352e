// vgpukit passthrough bind and unbind: a running host gives a card to vfio-pci and takes it back.
//
// What was done is written to /run/vgpukit before each step of it, so that unbind can take it back, also after a crash;
// a reboot takes it all back.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "passthrough/vfio_claim.hpp"
#include "support/sysfs.hpp"

namespace vgpukit::passthrough {

struct RebindTools {
  const HostPaths& host;
  Sysfs& sysfs;
  std::function<Status(const std::vector<std::string>& argv)> run;
  std::function<bool()> wait;  // for a moment; false: it has been long enough
};

struct RebindRequest {
  std::string card;
  bool any_device = false;
  // The card may be the one that the desktop runs on: the display manager and nvidia-persistenced are stopped, text
  // consoles and the firmware's framebuffer let go of it, NVIDIA's modules are unloaded; unbind does the reverse.
  bool single_gpu = false;
  std::set<std::string> forced;  // as for apply
};

struct Rebound {
  struct Function {
    std::string address, before, after;  // drivers; may be empty
  };
  std::vector<Function> functions;
  std::vector<std::string> notes;
};

// All functions of the card, and what has a driver in its group. Error: failed where somebody holds it (each is named)
// or vfio-pci does not take it: then the old drivers are back. consent as for apply; missing without an IOMMU.
Result<Rebound> bind_to_vfio(const RebindTools& tools, const RebindRequest& request);

// Error: failed while a virtual machine has it, or where the driver that had it does not take it back.
Result<Rebound> unbind_from_vfio(const RebindTools& tools, const RebindRequest& request);

}  // namespace vgpukit::passthrough
