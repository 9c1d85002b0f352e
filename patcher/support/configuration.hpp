// The configuration file: /etc/vgpukit/config.yaml, or ~/.config/vgpukit/config.yaml of an ordinary user.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit {

struct Configuration {
  std::vector<std::string> accept;  // names of notices
  struct Signing {
    std::string key;          // PEM, or "pkcs11:..."
    std::string certificate;  // DER or PEM
  };
  std::optional<Signing> signing;  // what modules are signed with
};

// A file that is absent or empty is no error. Error: usage, with the line.
Result<Configuration> read_configuration(const fs::path& file);
// The file of this machine, or /etc/vgpukit/config.yaml of another root, whose paths are paths of that root.
Result<Configuration> configuration_of_root(const HostPaths& host);

}  // namespace vgpukit
