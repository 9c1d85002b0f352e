// Signing modules with the key that this machine has for that, by the kernel's own sign-file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "kernel/kernel.hpp"
#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::module {

struct SigningKey {
  std::string key;          // as the root knows it; or "pkcs11:..."
  std::string certificate;  // DER or PEM
  std::string from;         // whose it is: "the configuration", "dkms", "Ubuntu"
};

// The key of the configuration file, else the one that dkms is told to use (mok_signing_key in
// /etc/dkms/framework.conf), else Ubuntu's (shim-signed), else dkms's own. Nothing where there is none. Error: usage
// for a configuration that is wrong, or names a key that is not there.
Result<std::optional<SigningKey>> signing_key(const HostPaths& host);

// Signs a module in place. `module`: as we reach it, below the kernel's root; not compressed. Error: missing (no
// sign-file, a key that we may not read); failed, with what sign-file said.
Status sign_module(const kernel::Kernel& kernel, const SigningKey& key, const std::filesystem::path& module);

}  // namespace vgpukit::module
