// `vgpukit uninstall` and `vgpukit rollback`: remove the installed driver, or restore the one before it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "install/transaction.hpp"

namespace vgpukit::install {

struct UninstallOutcome {
  std::string version;            // empty: nothing was installed
  std::vector<std::string> left;  // what of NVIDIA's or dkms's is still there, as sentences
};
Result<UninstallOutcome> uninstall_driver(const HostPaths& host, const OnStep& at = {});

struct RollbackOutcome {
  std::string from, to;                // versions; `to` is empty if no driver was installed before
  std::vector<std::string> releases;   // kernels that have modules of `to` now
  std::vector<std::string> built_now;  // those of them that were installed after `to`: dkms has built these modules now
};
// Error: usage if nothing was installed before.
Result<RollbackOutcome> rollback_driver(const HostPaths& host,
                                        const std::function<void(std::string_view)>& on_step = {},
                                        const OnStep& at = {});

}  // namespace vgpukit::install
