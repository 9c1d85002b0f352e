#include "system/kernel_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "support/atomic_file.hpp"
#include "support/text.hpp"

namespace vgpukit::system {

namespace {

// Reads the number at the start of `text` and removes it, together with the character after it.
template <class Number>
bool take_number(std::string_view& text, Number& number) {
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (bad != std::errc() || end == text.data() + text.size()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
}

// The kernel writes control characters, the backslash and bytes beyond ASCII as "\x0a". Control characters, such as the
// line breaks of a message of several lines, become spaces.
std::string without_escapes(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto escape = text.substr(at, 4);
    unsigned char code = 0;
    if (escape.size() < 4 || !escape.starts_with("\\x") ||
        std::from_chars(escape.data() + 2, escape.data() + 4, code, 16).ptr != escape.data() + 4) {
      plain += text[at];
      continue;
    }
    plain += code < ' ' || code == 127 ? ' ' : static_cast<char>(code);
    at += 3;
  }
  return plain;
}

}  // namespace

std::optional<KernelMessage> parse_kmsg(std::string_view record) {
  // "6,339,5140900,-;NET: Registered protocol family 10\n SUBSYSTEM=acpi\n": priority, sequence, microseconds, flags,
  // more fields.
  const auto semicolon = record.find(';');
  if (semicolon == std::string_view::npos) return std::nullopt;
  KernelMessage message;
  unsigned priority = 0;
  auto prefix = record.substr(0, semicolon + 1);
  if (!take_number(prefix, priority) || !take_number(prefix, message.sequence)) return std::nullopt;
  if (priority >> 3 != 0) return std::nullopt;  // the facility is not the kernel: a program wrote it
  message.level = priority & 7;
  message.text = without_escapes(record.substr(semicolon + 1, record.find('\n', semicolon) - semicolon - 1));
  return message;
}

KernelMessages::KernelMessages(const HostPaths& host, From from) {
  if (!host.is_host()) return;
  file_ = Descriptor(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file_)
    error_ = errno;
  else if (from == From::now)
    ::lseek(file_.get(), 0, SEEK_END);
}

std::vector<KernelMessage> KernelMessages::fresh() {
  std::vector<KernelMessage> messages;
  if (!file_) return messages;
  char record[8192];
  for (;;) {
    const auto size = ::read(file_.get(), record, sizeof record);
    // EPIPE: the kernel has overwritten the next message; the next read() continues with the oldest one.
    if (size < 0 && (errno == EINTR || errno == EPIPE)) continue;
    if (size < 0 && errno != EAGAIN) error_ = errno;
    if (size <= 0) return messages;
    if (auto message = parse_kmsg({record, static_cast<std::size_t>(size)})) messages.push_back(std::move(*message));
  }
}

const std::string* KernelLog::find(std::string_view text) const {
  const auto found = std::find_if(lines.begin(), lines.end(), [&](const auto& line) { return contains(line, text); });
  return found == lines.end() ? nullptr : &*found;
}

KernelLog read_kernel_log(const HostPaths& host) {
  KernelLog log;
  if (host.is_host()) {
    log.source = "/dev/kmsg";
    KernelMessages messages(host, KernelMessages::From::first);
    for (auto& message : messages.fresh()) log.lines.push_back(std::move(message.text));
    if (messages.error() != 0) log.problem = std::strerror(messages.error());
  } else {
    log.source = "/var/log/dmesg";
    const auto path = host.resolve(log.source);
    auto text = path ? read_file(*path) : Result<std::string>(Error{ErrorKind::usage, "", "it does not exist", ""});
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
  each_line(text, [&](std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with('<') && line.find('>') < 5) line.remove_prefix(line.find('>') + 1);
    if (line.starts_with('[') && contains(line, "]")) line.remove_prefix(line.find(']') + 1);
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (!line.empty()) lines.emplace_back(line);
  });
  return lines;
}

}  // namespace vgpukit::system
