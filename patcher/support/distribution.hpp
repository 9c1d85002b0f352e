// Which distribution a root holds, from its os-release (os-release(5)): ID first, then what it says it is like.
#pragma once

#include <string>

#include "support/host_paths.hpp"

namespace vgpukit {

struct Distribution {
  enum class Family { debian, arch, fedora, suse, alpine, other };
  Family family = Family::other;
  std::string id;    // "debian", "manjaro"; empty where there is no os-release
  std::string name;  // PRETTY_NAME, for people
};

// Never fails: what is not known is `other`.
Distribution distribution_of(const HostPaths& host);

}  // namespace vgpukit
