#include "system/kernel_log.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "support/atomic_file.hpp"
#include "support/descriptor.hpp"

namespace vgpukit::system {

namespace {

// Each read gives one record: "6,339,5140900,-;NET: Registered\n SUBSYSTEM=...\n" (Documentation/ABI/testing/dev-kmsg).
void read_kmsg(KernelLog& log) {
  const Descriptor file(::open(log.source.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file) {
    log.problem = std::strerror(errno);
    return;
  }
  char record[8192];
  for (;;) {
    const auto got = ::read(file.get(), record, sizeof record);
    if (got < 0 && (errno == EINTR || errno == EPIPE)) continue;  // EPIPE: records were overwritten while we read
    if (got < 0 && errno != EAGAIN) log.problem = std::strerror(errno);
    if (got <= 0) return;
    const std::string_view text(record, static_cast<std::size_t>(got));
    const auto begin = text.find(';');
    if (begin == std::string_view::npos) continue;
    log.lines.emplace_back(text.substr(begin + 1, text.find('\n') - begin - 1));
  }
}

}  // namespace

const std::string* KernelLog::find(std::string_view text) const {
  const auto found = std::find_if(lines.begin(), lines.end(),
                                  [&](const std::string& line) { return line.find(text) != std::string::npos; });
  return found == lines.end() ? nullptr : &*found;
}

KernelLog read_kernel_log(const HostPaths& host) {
  KernelLog log;
  if (host.is_host()) {
    log.source = "/dev/kmsg";
    read_kmsg(log);
  } else {
    log.source = "/var/log/dmesg";
    const auto path = host.resolve(log.source);
    auto text = path ? read_file(*path) : Result<std::string>(Error{ErrorKind::usage, "", "it is not there", ""});
    if (text)
      log.lines = dmesg_lines(*text);
    else
      log.problem = text.error().why;
  }
  log.whole = log.find("Linux version ") != nullptr;
  return log;
}

std::vector<std::string> dmesg_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with('<') && line.find('>') < 5) line.remove_prefix(line.find('>') + 1);
    if (line.starts_with('[') && line.find(']') != std::string_view::npos) line.remove_prefix(line.find(']') + 1);
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (!line.empty()) lines.emplace_back(line);
  }
  return lines;
}

}  // namespace vgpukit::system
