// The configuration file (/etc/vgpukit/config.yaml, or a user's own).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit {

struct Configuration {
  std::vector<std::string> accept;  // notices
  struct Signing {
    std::string key;          // PEM, or "pkcs11:..."
    std::string certificate;  // DER or PEM
  };
  std::optional<Signing> signing;  // what modules are signed with
};

// A file that is absent or empty is no error.
// Error: usage, with the line.
Result<Configuration> read_configuration(const fs::path& file);
// Of this machine, or another root's own /etc/vgpukit/config.yaml: what is written there is about paths of that root.
Result<Configuration> configuration_of_root(const HostPaths& host);

}  // namespace vgpukit
