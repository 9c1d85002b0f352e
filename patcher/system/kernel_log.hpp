// The kernel's own messages: /dev/kmsg on this machine, /var/log/dmesg in another root. What programs write to
// /dev/kmsg is left out. Records are described in the kernel's Documentation/ABI/testing/dev-kmsg.
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
  std::string text;  // one line; the kernel escapes control characters as "\x1b"
};

// One record, as one read() returns it. Nothing if it is not a record, or if a program wrote it.
std::optional<KernelMessage> parse_kmsg(std::string_view record);

// Reads /dev/kmsg. Another root has no messages.
class KernelMessages {
 public:
  enum class From { first, now };  // the oldest message that the kernel still has, or only new ones
  KernelMessages(const HostPaths& host, From from);
  // A file that is opened with O_NONBLOCK and returns one record for each read().
  explicit KernelMessages(Descriptor file) : file_(std::move(file)) {}

  // The messages since the last call. Never waits. Empty if the file cannot be read.
  [[nodiscard]] std::vector<KernelMessage> fresh();
  // Why the file cannot be read, an errno. 0: it can.
  [[nodiscard]] int error() const { return error_; }

 private:
  Descriptor file_;
  int error_ = 0;
};

struct KernelLog {
  std::vector<std::string> lines;  // without times
  std::string source;              // "/dev/kmsg"
  std::string problem;             // why it cannot be read; empty if it can
  bool whole = false;              // it begins with the boot: an event without a line did not happen

  // The first line with this text, or null.
  [[nodiscard]] const std::string* find(std::string_view text) const;
};

// All messages since the boot that are still there.
KernelLog read_kernel_log(const HostPaths& host);

// The output of dmesg ("[    0.018093] DMAR: IOMMU enabled", also with <6> in front) as lines without times.
std::vector<std::string> dmesg_lines(std::string_view text);

}  // namespace vgpukit::system
