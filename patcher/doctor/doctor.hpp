// `vgpukit doctor`: whether a host is ready for vGPUs and for passthrough of a whole card, and what to change if not.
//
// The folder doctor/ has the checks. A check is a function from what was read of the host (HostView) to findings; it
// changes nothing. It uses module/ (Secure Boot), vgpu/ and what these use. To add a check: write it in a
// checks_*.cpp, declare it in checks.hpp, list it in doctor.cpp, and add a paragraph to docs/doctor.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "doctor/host_view.hpp"

namespace vgpukit::doctor {

enum class State { ok, warn, fail, unknown };
[[nodiscard]] std::string_view state_name(State state);

struct Evidence {
  std::string file;   // as the root knows it
  std::string value;  // what the file says, or "not there"
};

struct Finding {             // every member has a default, so that a designated initializer can leave it out
  std::string id = {};       // of the check
  std::string subject = {};  // the PCI address of the device; empty: the host
  State state = State::ok;
  std::string what = {};  // one line
  std::vector<Evidence> evidence = {};
  std::string why = {};   // why it matters; empty if it is ok
  std::string next = {};  // what to do; can be empty if it is ok
};

struct CheckInput {
  const HostView& view;
  const Sysfs& sysfs;
};
using Findings = std::vector<Finding>;  // empty: the check does not concern this host

struct Check {
  std::string_view id;
  Findings (*run)(const CheckInput&);
};

[[nodiscard]] const std::vector<Check>& host_checks();
[[nodiscard]] const std::vector<Check>& guest_checks();
Findings run_checks(const std::vector<Check>& checks, const CheckInput& input);

}  // namespace vgpukit::doctor
