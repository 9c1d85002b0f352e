// Virtual functions of SR-IOV cards: vGPUs of such a card live on them, and they are gone after each boot.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "support/result.hpp"
#include "support/sysfs.hpp"

namespace vgpukit::vgpu {

// Called between two looks: pauses, and says whether there is time left for another one.
using RetryPause = std::function<bool()>;
RetryPause retry_until(std::chrono::seconds deadline);

// Makes all virtual functions of a card, with NVIDIA's sriov-manage where it is installed and else by sriov_numvfs, and
// waits until each of them offers vGPUs. sriov-manage may exit 0 and have done nothing, so only sysfs is believed, and
// it is asked again. Error: failed when that does not come true in time, or what the errno of the write means.
Status make_functions(const HostPaths& host, Sysfs& sysfs, const std::string& card, const RetryPause& retry_pause);

}  // namespace vgpukit::vgpu
