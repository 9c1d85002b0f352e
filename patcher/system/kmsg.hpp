// The kernel's own messages, from a moment on: what it says about a module while that is being loaded. /dev/kmsg's
// records are described in the kernel's Documentation/ABI/testing/dev-kmsg.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/descriptor.hpp"
#include "support/host_paths.hpp"

namespace vgpukit::system {

struct KernelMessage {
  unsigned level = 0;  // 0 emergency ... 3 error, 4 warning ... 7 debug
  std::uint64_t sequence = 0;
  std::string text;  // one line, with "\x1b" and the like as the kernel escapes them
};

// One record as read() gives it. Nothing where it is none.
std::optional<KernelMessage> parse_kmsg(std::string_view record);

class KernelMessages {
 public:
  // Stands at the end of the log from now on. Where it cannot be read (not root, another root folder) there are no
  // messages.
  explicit KernelMessages(const HostPaths& host);
  // What came since the last call, the kernel's own messages only: not what programs write there. Never waits.
  [[nodiscard]] std::vector<KernelMessage> fresh();

 private:
  Descriptor file_;
};

}  // namespace vgpukit::system
