// Virtual functions of SR-IOV cards, which carry the vGPUs of such a card. They do not survive a boot.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "support/result.hpp"
#include "support/sysfs.hpp"

namespace vgpukit::vgpu {

// Called between two tries: pauses, and gives whether there is time for another one.
using RetryPause = std::function<bool()>;
RetryPause retry_until(std::chrono::seconds deadline);

// Makes all virtual functions of a card, with NVIDIA's sriov-manage if it is installed and otherwise by sriov_numvfs,
// and waits until each of them offers vGPUs. sriov-manage may do nothing and exit with 0, so sysfs is checked, and it
// is run again. Error: failed if the functions do not appear in time, or what the errno of the write means.
Status make_functions(const HostPaths& host, Sysfs& sysfs, const std::string& card, const RetryPause& retry_pause);

}  // namespace vgpukit::vgpu
