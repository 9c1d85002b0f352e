// What the kernel has printed since it booted: /dev/kmsg on this machine, /var/log/dmesg in another root.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/host_paths.hpp"

namespace vgpukit::system {

struct KernelLog {
  std::vector<std::string> lines;  // without times
  std::string source;              // "/dev/kmsg"
  std::string problem;             // why it could not be read; empty when it was
  bool whole = false;              // its first lines are still there: what it does not say has not been said

  // The first line with this text, or null.
  [[nodiscard]] const std::string* find(std::string_view text) const;
};

KernelLog read_kernel_log(const HostPaths& host);

// What dmesg prints ("[    0.018093] DMAR: IOMMU enabled", also with <6> in front), as lines without times.
std::vector<std::string> dmesg_lines(std::string_view text);

}  // namespace vgpukit::system
