// Secure Boot, and the machine owner keys (MOK) of shim, from the firmware's variables.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::module {

inline constexpr const char* secure_boot_variable =
    "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

struct SecureBoot {
  bool efi = false;
  std::optional<bool> firmware;  // the firmware's variable; nothing if there is none or it cannot be read
  std::string problem;           // why it cannot be read
  bool on = false;               // and shim's validation is not disabled (mokutil --disable-validation)
  bool enforced = false;         // the running kernel refuses unsigned modules (lockdown or module.sig_enforce)
};
SecureBoot secure_boot(const HostPaths& host);

enum class Enrolment { enrolled, pending, missing, unknown };  // pending: MokManager asks at the next boot
// Whether a certificate (DER or PEM; a path inside the root) is among the machine owner keys. Uses mokutil if it is
// installed.
Enrolment enrolment_of(const HostPaths& host, const std::string& certificate);

// The steps that enrol the certificate, a line each.
std::vector<std::string> enrolment_steps(const HostPaths& host, const std::string& certificate);

// A certificate as DER, decoded if it is PEM. Error: usage if it is neither.
Result<std::string> certificate_der(const std::filesystem::path& file);

// Whether EFI_SIGNATURE_LISTs (UEFI 2.10, 32.4.1: MokListRT, db) contain this X.509 certificate.
bool contains_certificate(std::string_view lists, std::string_view der);

}  // namespace vgpukit::module
