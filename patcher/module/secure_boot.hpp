// Does this machine check who signed its kernel's modules, and does it know a key? Read from the firmware's variables,
// as the kernel and shim do.
#pragma once

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
  std::optional<bool> firmware;  // what the firmware's variable says; nothing where there is none, or it cannot be read
  std::string problem;           // why it cannot
  bool on = false;               // and shim was not told to look away (mokutil --disable-validation)
  bool enforced =
      false;  // the running kernel refuses modules that nobody it knows has signed (lockdown, or module.sig_enforce)
};
SecureBoot secure_boot(const HostPaths& host);

enum class Enrolment { enrolled, pending, missing, unknown };  // pending: at the next boot, shim's MokManager asks
// Of a certificate (DER or PEM; as the root knows it) among the machine owner's keys. mokutil is asked where it is
// installed.
Enrolment enrolment_of(const HostPaths& host, const std::string& certificate);

// What to type to have the certificate enrolled, line by line.
std::vector<std::string> enrolment_steps(const HostPaths& host, const std::string& certificate);

// A certificate as DER: as it is, or out of its PEM armour. Error: usage when it is neither.
Result<std::string> certificate_der(const fs::path& file);

// Does a list of EFI_SIGNATURE_LISTs (UEFI 2.10, 32.4.1: MokListRT, db) hold this X.509 certificate?
bool holds_certificate(std::string_view lists, std::string_view der);

}  // namespace vgpukit::module
