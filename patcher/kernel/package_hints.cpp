#include "kernel/package_hints.hpp"

#include <array>

#include "kernel/modules_folder.hpp"
#include "support/atomic_file.hpp"
#include "support/distribution.hpp"
#include "support/text.hpp"

namespace vgpukit::kernel {

namespace {

enum class Family { debian, proxmox, arch, fedora, suse, alpine, other };

Family family_of(const HostPaths& host, std::string_view release) {
  switch (distribution_of(host).family) {
    case Distribution::Family::debian:
      return release.ends_with("-pve") ? Family::proxmox : Family::debian;
    case Distribution::Family::arch:
      return Family::arch;
    case Distribution::Family::fedora:
      return Family::fedora;
    case Distribution::Family::suse:
      return Family::suse;
    case Distribution::Family::alpine:
      return Family::alpine;
    case Distribution::Family::other:
      break;
  }
  return Family::other;
}

// Arch: the file pkgbase beside the modules names the kernel's package. Without it the release's last word does.
std::string arch_headers(const HostPaths& host, std::string_view release) {
  if (const auto folder = modules_folder(host, release))
    if (const auto base = read_file(*folder / "pkgbase"); base && !trimmed(*base).empty())
      return std::string(trimmed(*base)) + "-headers";
  for (const std::string_view flavour : {"lts", "zen", "hardened", "rt-lts", "rt", "cachyos"})
    if (release.ends_with("-" + std::string(flavour))) return "linux-" + std::string(flavour) + "-headers";
  return "linux-headers";
}

std::string install(Family family, const std::string& packages) {
  switch (family) {
    case Family::debian:
    case Family::proxmox:
      return "apt install " + packages;
    case Family::arch:
      return "pacman -S " + packages;
    case Family::fedora:
      return "dnf install " + packages;
    case Family::suse:
      return "zypper install " + packages;
    case Family::alpine:
      return "apk add " + packages;
    case Family::other:
      break;
  }
  return "install " + packages + " with your distribution's package manager";
}

// Whether a kernel with this release may be one of Debian's or Ubuntu's, going by the name of its flavour.
bool has_debian_flavour(std::string_view release) {
  for (const std::string_view flavour : {"amd64", "arm64", "686", "686-pae", "generic", "lowlatency", "realtime", "oem",
                                         "kvm", "aws", "azure", "gcp", "oracle"})
    if (release.ends_with("-" + std::string(flavour))) return true;
  return false;
}

// In another root, the command has to run there.
std::string in_that_root(const HostPaths& host, const std::string& command) {
  return host.is_host() ? command : command + " (inside " + host.root.string() + ")";
}

}  // namespace

std::string install_headers_hint(const HostPaths& host, std::string_view release) {
  const auto family = family_of(host, release);
  const std::string name(release);
  std::string packages;
  switch (family) {
    case Family::debian:
      packages = name.empty() ? "linux-headers-amd64" : "linux-headers-" + name;
      break;
    case Family::proxmox: {
      // Renamed with 6.5 (Proxmox VE 8.1).
      const auto version = Version::leading(release);
      packages = (version && *version < *Version::parse("6.5") ? "pve-headers-" : "proxmox-headers-") + name;
      break;
    }
    case Family::arch:
      packages = arch_headers(host, release);
      break;
    case Family::fedora:
      packages = name.empty() ? "kernel-devel" : "kernel-devel-" + name;
      break;
    case Family::suse: {
      const auto dash = name.rfind('-');
      packages = "kernel-" + (dash == std::string::npos ? "default" : name.substr(dash + 1)) + "-devel";
      break;
    }
    case Family::alpine: {
      const auto dash = name.rfind('-');
      packages = "linux-" + (dash == std::string::npos ? "lts" : name.substr(dash + 1)) + "-dev";
      break;
    }
    case Family::other:
      return "install the kernel headers for " + (name.empty() ? "your kernel" : name) +
             " with your distribution's package manager";
  }
  std::string command = install(family, packages);
  if (family == Family::debian && !name.empty() && !has_debian_flavour(name))
    command += " (if it is a kernel of this distribution; otherwise the headers from where the kernel is from)";
  // A rolling distribution has only the newest kernel's headers.
  if (family == Family::arch)
    command += " (for the newest kernel; if it is newer than " + name + ", upgrade and reboot first)";
  return in_that_root(host, command);
}

std::string install_compiler_hint(const HostPaths& host, const Compiler& wanted) {
  const auto family = family_of(host, "");
  const bool is_clang = wanted.kind == Compiler::Kind::clang;
  const std::string base = is_clang ? "clang" : "gcc";
  const std::string number = wanted.version.parts.empty() ? "" : std::to_string(wanted.version.parts[0]);
  std::string packages = base;
  switch (family) {
    case Family::debian:
    case Family::proxmox:
      packages = base + "-" + number + (is_clang ? " lld-" + number + " llvm-" + number : "");
      break;
    case Family::suse:
      packages = base + number + (is_clang ? " lld" + number + " llvm" + number : "");
      break;
    case Family::arch:
      // The newest is "gcc"; older ones have packages of their own.
      packages = is_clang ? "clang lld llvm" : "gcc (or gcc" + number + ", if gcc is newer than " + number + ")";
      break;
    case Family::fedora:
    case Family::alpine:
      if (is_clang) packages = "clang lld llvm";
      break;
    case Family::other:
      return "install " + base + " " + number + " with your distribution's package manager";
  }
  return in_that_root(host, install(family, packages));
}

std::string install_tool_hint(const HostPaths& host, std::string_view tool) {
  struct Known {
    std::string_view tool;
    std::string_view package;
  };
  static constexpr std::array<Known, 14> known = {{{"ld", "binutils"},
                                                   {"nm", "binutils"},
                                                   {"objcopy", "binutils"},
                                                   {"objdump", "binutils"},
                                                   {"ar", "binutils"},
                                                   {"as", "binutils"},
                                                   {"strip", "binutils"},
                                                   {"depmod", "kmod"},
                                                   {"modprobe", "kmod"},
                                                   {"modinfo", "kmod"},
                                                   {"pahole", "pahole"},
                                                   {"xz", "xz"},
                                                   {"cc", "gcc"},
                                                   {"ld.lld", "lld"}}};
  const auto family = family_of(host, "");
  std::string package(tool);
  for (const auto& one : known)
    if (one.tool == tool) package = one.package;
  if (tool.starts_with("ld.lld-")) package = "lld" + std::string(tool.substr(6));
  if (package == "xz" && (family == Family::debian || family == Family::proxmox)) package = "xz-utils";
  return in_that_root(host, install(family, package));
}

}  // namespace vgpukit::kernel
