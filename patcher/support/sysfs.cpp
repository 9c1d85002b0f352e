#include "support/sysfs.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdio>

#include "support/descriptor.hpp"
#include "support/limits.hpp"

namespace vgpukit {

namespace {

void trim(std::string& text) {
  // NUL, because /proc/PID/cmdline ends in one.
  constexpr std::string_view blank(" \t\r\n\0", 5);
  text.erase(text.find_last_not_of(blank) + 1);
  text.erase(0, text.find_first_not_of(blank));
}

}  // namespace

Sysfs::Reading Sysfs::read(const std::string& path) const {
  auto reading = read_bytes(path);
  trim(reading.text);
  return reading;
}

Sysfs::Reading Sysfs::read_bytes(const std::string& path) const {
  // O_NONBLOCK: otherwise opening a named pipe in another root waits for a writer.
  const Descriptor file(::open(host_.in_root(path).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0) return {errno, ""};
  if (S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3)) return {};  // /dev/null: how systemd masks a file
  if (!S_ISREG(info.st_mode)) return {S_ISDIR(info.st_mode) ? EISDIR : EINVAL, ""};
  Reading reading;
  char page[4096];
  for (;;) {
    const auto got = ::read(file.get(), page, sizeof page);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return {errno, ""};
    if (got == 0) break;
    reading.text.append(page, static_cast<std::size_t>(got));
    if (reading.text.size() > limits::document_bytes) return {EFBIG, ""};
  }
  return reading;
}

int Sysfs::write(const std::string& path, std::string_view text) {
  // As "echo 1 > FILE" does it. sysfs ignores O_TRUNC.
  const Descriptor file(::open(host_.in_root(path).c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!file) return errno;
  for (;;) {
    const auto wrote = ::write(file.get(), text.data(), text.size());
    if (wrote >= 0) return static_cast<std::size_t>(wrote) == text.size() ? 0 : EIO;
    if (errno != EINTR) return errno;
  }
}

std::vector<std::string> Sysfs::list(const std::string& path) const {
  std::vector<std::string> names;
  DIR* folder = ::opendir(host_.in_root(path).c_str());
  if (!folder) return names;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  ::closedir(folder);
  std::sort(names.begin(), names.end());
  return names;
}

bool Sysfs::exists(const std::string& path) const {
  return ::access(host_.in_root(path).c_str(), F_OK) == 0;
}

std::string Sysfs::link(const std::string& path) const {
  char text[4096];
  const auto size = ::readlink(host_.reach(path).c_str(), text, sizeof text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

std::string Sysfs::link_name(const std::string& path) const {
  const auto text = link(path);
  return text.substr(text.rfind('/') + 1);
}

std::optional<PciAddress> PciAddress::parse(std::string_view text) {
  PciAddress address;
  // Takes `least` to `most` digits and the character `end` from the front; 0: the text must end after the digits.
  const auto take = [&](unsigned& number, std::size_t least, std::size_t most, char end) {
    std::size_t digits = 0;
    while (digits < text.size() && std::isxdigit(static_cast<unsigned char>(text[digits]))) ++digits;
    if (digits < least || digits > most || (end ? digits == text.size() || text[digits] != end : digits != text.size()))
      return false;
    std::from_chars(text.data(), text.data() + digits, number, 16);
    text.remove_prefix(digits + (end ? 1 : 0));
    return true;
  };
  const bool has_domain = std::count(text.begin(), text.end(), ':') == 2;
  if (has_domain && !take(address.domain, 4, 8, ':')) return std::nullopt;
  if (!take(address.bus, 2, 2, ':') || !take(address.device, 2, 2, '.') || !take(address.function, 1, 1, 0))
    return std::nullopt;
  if (address.device > 0x1f || address.function > 7) return std::nullopt;
  return address;
}

std::string PciAddress::text() const {
  char text[32];
  std::snprintf(text, sizeof text, "%04x:%02x:%02x.%x", domain, bus, device, function);
  return text;
}

std::optional<std::string> pci_address(std::string_view text) {
  const auto address = PciAddress::parse(text);
  return address ? std::optional(address->text()) : std::nullopt;
}

std::string libvirt_address(const std::string& address) {
  const auto numbers = PciAddress::parse(address).value_or(PciAddress());
  char text[96];
  std::snprintf(text, sizeof text, "<address domain='0x%04x' bus='0x%02x' slot='0x%02x' function='0x%x'/>",
                numbers.domain, numbers.bus, numbers.device, numbers.function);
  return text;
}

}  // namespace vgpukit
