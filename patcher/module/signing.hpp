// Signs modules with this machine's key and the kernel's sign-file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "kernel/kernel.hpp"
#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::module {

struct SigningKey {
  std::string key;          // a path inside the root, or "pkcs11:..."
  std::string certificate;  // DER or PEM
  std::string from;         // "the configuration", "dkms", "Ubuntu"
};

// The key of the configuration file, otherwise that of /etc/dkms/framework.conf (mok_signing_key), otherwise Ubuntu's
// (shim-signed), otherwise the key that dkms generated. Nothing if there is none. Error: usage if the configuration is
// faulty or names a key that does not exist.
Result<std::optional<SigningKey>> signing_key(const HostPaths& host);

// Signs a module in place. `module`: the real path, below the kernel's root; not compressed. Errors: missing if there
// is no sign-file or the key cannot be read; failed, with the output of sign-file.
Status sign_module(const kernel::Kernel& kernel, const SigningKey& key, const std::filesystem::path& module);

}  // namespace vgpukit::module
