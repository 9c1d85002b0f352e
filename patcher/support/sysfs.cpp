#include "support/sysfs.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "support/descriptor.hpp"

namespace vgpukit {

namespace {

void trim(std::string& text) {
  // A program's command line ends in a NUL.
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
  const Descriptor file(::open((root_ + path).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {errno, ""};
  Reading reading;
  char page[4096];
  for (;;) {
    const auto got = ::read(file.get(), page, sizeof page);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return {errno, ""};
    if (got == 0) break;
    reading.text.append(page, static_cast<std::size_t>(got));
  }
  return reading;
}

int Sysfs::write(const std::string& path, std::string_view text) {
  // sysfs passes O_TRUNC over; it is what "echo 1 > FILE" does, too.
  const Descriptor file(::open((root_ + path).c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!file) return errno;
  for (;;) {
    const auto wrote = ::write(file.get(), text.data(), text.size());
    if (wrote >= 0) return static_cast<std::size_t>(wrote) == text.size() ? 0 : EIO;
    if (errno != EINTR) return errno;
  }
}

std::vector<std::string> Sysfs::list(const std::string& path) const {
  std::vector<std::string> names;
  DIR* folder = ::opendir((root_ + path).c_str());
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
  return ::access((root_ + path).c_str(), F_OK) == 0;
}

std::string Sysfs::link(const std::string& path) const {
  char text[4096];
  const auto size = ::readlink((root_ + path).c_str(), text, sizeof text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

std::string Sysfs::link_name(const std::string& path) const {
  const auto text = link(path);
  return text.substr(text.rfind('/') + 1);
}

std::optional<std::string> pci_address(std::string_view text) {
  std::string all(text);
  for (auto& each : all) each = static_cast<char>(std::tolower(static_cast<unsigned char>(each)));
  if (all.size() == 7) all = "0000:" + all;
  constexpr std::string_view shape = "xxxx:xx:xx.f";
  if (all.size() != shape.size()) return std::nullopt;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool digit = std::isxdigit(static_cast<unsigned char>(all[i])) != 0;
    const bool fits = shape[i] == 'x' ? digit : shape[i] == 'f' ? all[i] >= '0' && all[i] <= '7' : all[i] == shape[i];
    if (!fits) return std::nullopt;
  }
  return all;
}

}  // namespace vgpukit
