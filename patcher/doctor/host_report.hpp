// One text file about a host that can be attached to a question in public: nothing in it names the person or the
// machine.
#pragma once

#include <string>

#include "doctor/doctor.hpp"

namespace vgpukit::doctor {

std::string host_report(const HostView& view, const Findings& findings);

// UUIDs, MAC and IP addresses, serial numbers, and the values of parameters that name disks, users or keys, as "***".
std::string redacted(const std::string& text);

}  // namespace vgpukit::doctor
