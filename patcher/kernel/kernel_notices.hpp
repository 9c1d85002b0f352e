// What NVIDIA's drivers refuse about a kernel although their build can be told to go on: a name for --accept, and the
// variable that the driver's conftest.sh reads.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/kernel.hpp"

namespace vgpukit::kernel {

struct KernelNotice {
  std::string_view name;      // what --accept takes
  std::string_view check;     // the verb of conftest.sh that refuses
  std::string_view variable;  // set to 1, the check passes
  std::string_view means;     // a sentence for users
  std::string_view instead;   // what can be done without consent
};
const std::vector<KernelNotice>& kernel_notices();

// The variables for the environment of every make and installer that builds for this kernel.
std::map<std::string, std::string> accepted_variables(const Kernel& kernel, const std::set<std::string>& accepted);

// Names of the notices that the configuration alone shows: preempt-rt, xen. For `kernel list`, which knows no driver.
std::vector<std::string_view> notices_of(const KernelConfig& config);

}  // namespace vgpukit::kernel
