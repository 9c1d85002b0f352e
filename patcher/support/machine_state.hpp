// Where vgpukit keeps what belongs to one machine and not to its user.
#pragma once

#include "support/host_paths.hpp"

namespace vgpukit {

// host.state, or, of another root, its own /var/lib/vgpukit.
inline fs::path machine_state(const HostPaths& host) {
  return host.is_host() ? host.state : host.in_root("/var/lib/vgpukit");
}

}  // namespace vgpukit
