// The running processes of a root.
#pragma once

#include <string>

#include "support/number.hpp"
#include "support/sysfs.hpp"

namespace vgpukit {

// Calls visit(pid, "/proc/PID") for each process.
template <class Visit>
void each_process(const Sysfs& sysfs, Visit visit) {
  for (const auto& name : sysfs.list("/proc"))
    if (const auto pid = number_in<int>(name)) visit(*pid, "/proc/" + name);
}

}  // namespace vgpukit
