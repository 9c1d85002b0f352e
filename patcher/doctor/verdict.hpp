// What the findings mean for the two things that a host is to do: vGPUs, and giving a whole card to a guest.
#pragma once

#include <string>
#include <vector>

#include "doctor/doctor.hpp"

namespace vgpukit::doctor {

struct Verdict {
  std::string about;        // "vGPUs", "passthrough"
  State state = State::ok;  // ok: nothing that was checked prevents it
  std::string text;         // one line
};
std::vector<Verdict> verdicts(const CheckInput& input, const Findings& findings);

// What the checks could not look at, and why: "the kernel log: Permission denied". Findings that are unknown, and
// sources that could not be read.
std::vector<std::string> not_checked(const CheckInput& input, const Findings& findings);

}  // namespace vgpukit::doctor
