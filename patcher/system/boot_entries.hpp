// The entries of a boot loader's menu, as its own configuration has them: what the next boot can start.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::system {

// A word at the end of the kernel's command line with which vfio-pci is not loaded: it marks an entry that boots
// without passthrough.
inline constexpr const char* recovery_parameter = "module_blacklist=vfio_pci";

struct BootEntry {
  std::string file;                  // the configuration that has it, as the root knows it
  std::string title;                 // may be empty
  std::string kernel;                // as the loader writes it: "/vmlinuz-6.12", "boot():/0a1b/vmlinuz"
  std::string options;               // the kernel's parameters
  std::vector<std::string> initrds;  // as the loader writes them
  // Why it cannot be read; empty: it was read. A unified image with a broken header has only a file and this.
  std::string problem;

  // Not an entry for rescue, a snapshot, or recovery (vgpukit's or the distribution's).
  [[nodiscard]] bool is_normal() const;
};

// The folders where an EFI system partition or an extended boot partition is mounted.
inline constexpr const char* boot_folders[] = {"/boot", "/efi", "/boot/efi"};

// Entries of type 1 of the Boot Loader Specification: FOLDER/loader/entries/*.conf, by name. systemd-boot reads them,
// and GRUB on Fedora and RHEL.
std::vector<BootEntry> loader_entries(const HostPaths& host);
// Unified kernel images: FOLDER/EFI/Linux/*.efi, with the text of their section .cmdline.
std::vector<BootEntry> unified_images(const HostPaths& host);
// The `linux` lines of /boot/grub/grub.cfg or /boot/grub2/grub.cfg.
std::vector<BootEntry> grub_entries(const HostPaths& host);
// The entries with `protocol: linux` of limine.conf.
std::vector<BootEntry> limine_entries(const HostPaths& host);
// The lines of refind_linux.conf, and the entries of refind.conf.
std::vector<BootEntry> refind_entries(const HostPaths& host);

// "/boot/limine.conf": the first place that exists, as Limine looks for it. Empty: none.
std::string limine_file(const HostPaths& host);
// "/boot/refind_linux.conf", or refind.conf if only that has kernel parameters. Empty: none.
std::string refind_file(const HostPaths& host);
// "/boot/grub/grub.cfg", or grub2's. Empty: none.
std::string grub_menu_file(const HostPaths& host);

// Whether these are the parameters of /proc/cmdline, apart from what loaders add (BOOT_IMAGE=, initrd=).
bool same_parameters(std::string_view options, std::string_view cmdline);

// The key and the value of a line of limine.conf: "cmdline: quiet". The name is in small letters. Empty: no key.
std::pair<std::string, std::string> limine_line(std::string_view line);
// The texts in double quotes of a line of refind_linux.conf, with their places.
struct QuotedText {
  std::size_t begin = 0, end = 0;  // without the quotes
};
std::vector<QuotedText> quoted_texts(std::string_view line);

// The file that a loader's path means: "boot():/x", "\x" and "/x" are below one of boot_folders, or below /. As the
// root knows it; empty: it does not exist.
std::string boot_file(const HostPaths& host, std::string path);

// The bytes of a section of a PE file (a unified image). Error: usage for a damaged header or a file without that
// section.
Result<std::string> pe_section(const fs::path& file, std::string_view name);

}  // namespace vgpukit::system
