// Access to /sys and /proc below the root of HostPaths. Tests derive from this: they make a path fail with an errno, or
// do what the driver does after a write.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/host_paths.hpp"

namespace vgpukit {

class Sysfs {
 public:
  explicit Sysfs(const HostPaths& host) : host_(host) {}
  virtual ~Sysfs() = default;
  Sysfs(const Sysfs&) = delete;
  Sysfs& operator=(const Sysfs&) = delete;

  struct Reading {
    int error = 0;  // an errno, or 0
    std::string text;
  };

  // Paths are as the root knows them: "/sys/bus/mdev/devices". The text has no white space at its ends.
  [[nodiscard]] virtual Reading read(const std::string& path) const;
  // The unchanged content of a file.
  [[nodiscard]] virtual Reading read_bytes(const std::string& path) const;
  // One write() to a file that exists, as sysfs requires. Gives an errno, or 0.
  [[nodiscard]] virtual int write(const std::string& path, std::string_view text);

  // The names in a folder, sorted; none when it is absent or cannot be read.
  [[nodiscard]] std::vector<std::string> list(const std::string& path) const;
  [[nodiscard]] bool exists(const std::string& path) const;
  // The text of a symbolic link, or empty.
  [[nodiscard]] std::string link(const std::string& path) const;
  // Its last word: "../../../bus/pci/drivers/nvidia" -> "nvidia".
  [[nodiscard]] std::string link_name(const std::string& path) const;

 private:
  HostPaths host_;
};

// The address of a PCI function: domain:bus:device.function. A domain has 16 bits in firmware tables, but the kernel
// numbers the domains of a VMD controller from 0x10000 on (drivers/pci/controller/vmd.c).
struct PciAddress {
  unsigned domain = 0, bus = 0, device = 0, function = 0;

  // "65:00.0", or with a domain of four to eight digits in front, as lspci -D and nvidia-smi (00000000:65:00.0) print
  // it. Capital digits are accepted. Nothing when the text is not an address.
  static std::optional<PciAddress> parse(std::string_view text);
  // As the kernel writes it: "0000:65:00.0", "10000:e1:00.0".
  [[nodiscard]] std::string text() const;
};

// A PCI address in the kernel's form. Nothing when the text is not an address.
std::optional<std::string> pci_address(std::string_view text);

// libvirt's element for a function: <address domain='0x0000' bus='0x65' slot='0x00' function='0x0'/>.
std::string libvirt_address(const std::string& address);

// Sorts addresses in the kernel's form by their numbers: a domain has more than four digits only when it needs them, so
// the shorter address is the smaller one.
struct ByAddress {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  }
};

}  // namespace vgpukit
