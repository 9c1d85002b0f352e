// Which distribution a root folder has, from /etc/os-release (os-release(5)): ID, then ID_LIKE.
#pragma once

#include <string>

#include "support/host_paths.hpp"

namespace vgpukit {

struct Distribution {
  enum class Family { debian, arch, fedora, suse, alpine, other };
  Family family = Family::other;
  std::string id;    // "debian", "manjaro"; empty when there is no os-release
  std::string name;  // PRETTY_NAME, for people
};

// Never fails: an unknown distribution is `other`.
Distribution distribution_of(const HostPaths& host);

}  // namespace vgpukit
