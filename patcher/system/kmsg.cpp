#include "system/kmsg.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace vgpukit::system {

namespace {

// The number at the start of `text`, which is taken off together with the character behind it.
template <class Number>
bool take_number(std::string_view& text, Number& number) {
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (bad != std::errc() || end == text.data() + text.size()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
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
  if (priority >> 3 != 0) return std::nullopt;  // a facility other than the kernel: a program wrote it
  message.level = priority & 7;
  message.text = record.substr(semicolon + 1, record.find('\n', semicolon) - semicolon - 1);
  return message;
}

KernelMessages::KernelMessages(const HostPaths& host)
    : file_(host.is_host() ? ::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1) {
  if (file_) ::lseek(file_.get(), 0, SEEK_END);
}

std::vector<KernelMessage> KernelMessages::fresh() {
  std::vector<KernelMessage> messages;
  if (!file_) return messages;
  char record[8192];
  for (;;) {
    const auto size = ::read(file_.get(), record, sizeof record);
    // EPIPE: the ring went over our place; the next read goes on with the oldest message that is left.
    if (size < 0 && (errno == EINTR || errno == EPIPE)) continue;
    if (size <= 0) return messages;
    if (auto message = parse_kmsg({record, static_cast<std::size_t>(size)})) messages.push_back(std::move(*message));
  }
}

}  // namespace vgpukit::system
