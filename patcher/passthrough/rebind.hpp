// `vgpukit passthrough bind` and `unbind`: gives a card of the running host to vfio-pci, and takes it back.
//
// Each step is written to /run/vgpukit before it is done, so that unbind can reverse it, also after a crash. A reboot
// reverses everything.
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
  std::function<bool()> wait;  // waits a moment; false: the time is over
};

struct RebindRequest {
  std::string card;
  bool any_device = false;
  // The desktop may run on the card: stops the display manager and nvidia-persistenced, releases text consoles and the
  // firmware's framebuffer, and unloads NVIDIA's modules. unbind does the reverse.
  bool single_gpu = false;
  std::set<std::string> forced;  // as for apply_passthrough()
};

struct Rebound {
  struct Function {
    std::string address, before, after;  // the drivers; empty: none
  };
  std::vector<Function> functions;
  std::vector<std::string> notes;
};

// Binds all functions of the card, and the other devices of its group that have a driver. Error: failed if the card is
// in use (with each user), or if vfio-pci does not take it (the old drivers then have it again); consent as for
// apply_passthrough(); missing without an IOMMU.
Result<Rebound> bind_to_vfio(const RebindTools& tools, const RebindRequest& request);

// Error: failed if a virtual machine uses the card, or if the old driver does not take it back.
Result<Rebound> unbind_from_vfio(const RebindTools& tools, const RebindRequest& request);

}  // namespace vgpukit::passthrough
