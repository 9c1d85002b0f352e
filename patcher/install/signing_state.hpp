// Whether a kernel with Secure Boot loads the installed modules, and what the user must do otherwise.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "module/secure_boot.hpp"
#include "support/host_paths.hpp"

namespace vgpukit::install {

struct SigningState {
  bool secure_boot = false;  // it is on
  bool enforced = false;     // the running kernel refuses modules without a signature by a key that it trusts
  std::string key, from;     // the key that modules are signed with, and whose it is; empty: there is none
  std::string certificate;
  std::optional<module::Enrolment> enrolled;  // of the certificate
  std::vector<std::string> unsigned_modules;  // paths, as the root knows them
  std::vector<std::string> steps;             // what to do until such a kernel loads them; empty: nothing
};
// Error: usage for a wrong configuration.
Result<SigningState> signing_state(const HostPaths& host);

// "yes", "pending", "no" or "unknown"; empty without a certificate.
[[nodiscard]] std::string_view enrolment_name(const std::optional<module::Enrolment>& enrolment);

}  // namespace vgpukit::install
