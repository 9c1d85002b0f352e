// `vgpukit doctor --report`: a text file about a host that can be published. It does not identify the user or the
// machine.
#pragma once

#include <string>

#include "doctor/doctor.hpp"

namespace vgpukit::doctor {

std::string host_report(const HostView& view, const Findings& findings);

// Replaces UUIDs, MAC and IP addresses, serial numbers, and the values of parameters that name disks, users or keys by
// "***".
std::string redacted(const std::string& text);

}  // namespace vgpukit::doctor
