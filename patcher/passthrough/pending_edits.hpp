// Between the files that make boot_edits(): the edits as they grow.
#pragma once

#include <map>

#include "passthrough/boot_edits.hpp"

namespace vgpukit::passthrough {

class PendingEdits {
 public:
  PendingEdits(const HostPaths& host, const ReadText& read) : host_(host), read_(read) {}

  // The file as it will be, so far. Error: it cannot be read, or it is a link that leads nowhere.
  Result<std::optional<std::string>> text(const std::string& path);
  Status set(const std::string& path, std::string text, const std::string& why, unsigned mode = 0644);
  // The names of files in a folder that are there without us, sorted.
  Result<std::vector<std::string>> names(const std::string& folder, std::string_view suffix);
  [[nodiscard]] bool there(const std::string& path) const { return host_.resolve(path).has_value(); }
  [[nodiscard]] std::vector<FileEdit> files() const;  // those that differ from what is there

 private:
  Result<FileEdit*> edit(const std::string& path);
  const HostPaths& host_;
  const ReadText& read_;
  std::map<std::string, FileEdit> edits_;
};

inline constexpr const char* modprobe_file = "/etc/modprobe.d/vgpukit-passthrough.conf";
// A module that does not exist: an install line has its name where vfio-pci itself is built in and is never
// "installed".
inline constexpr const char* placeholder_module = "vgpukit_passthrough";
inline constexpr const char* recovery_parameter = "module_blacklist=vfio_pci";

// How vfio-pci is told, at the time that modules are loaded: /etc/modprobe.d, and that it goes into the initramfs.
Status edit_initramfs(PendingEdits& draft, const system::BootSetup& setup, const std::vector<CardClaim>& claims,
                      const InstalledModules& modules, BootEdits& edits);
// The kernel's parameters, and an entry of the boot menu that boots without us.
Status edit_loader(PendingEdits& draft, const system::BootSetup& setup, const std::vector<std::string>& parameters,
                   BootEdits& edits);

// The ids of the cards that are named by ids, and of `more`, each once.
std::string ids_of(const std::vector<CardClaim>& claims, const std::vector<std::string>& more);
std::vector<std::string> split(const std::string& text, char at);

}  // namespace vgpukit::passthrough
