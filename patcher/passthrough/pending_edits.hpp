// The files that a change of the boot setup is going to write, while edit_initramfs() and edit_boot_loader() collect
// them.
#pragma once

#include <map>

#include "passthrough/boot_edits.hpp"

namespace vgpukit::passthrough {

class PendingEdits {
 public:
  PendingEdits(const HostPaths& host, const ReadText& read) : host_(host), read_(read) {}

  // The file with the edits so far; nothing if it does not exist. Error: it cannot be read, or it is a dangling link.
  Result<std::optional<std::string>> text(const std::string& path);
  // Replaces the text. `mode` is for a new file. `after_commands`: it is written after the programs have run. Reasons
  // for one file are joined.
  Status set(const std::string& path, std::string text, const std::string& why, unsigned mode = 0644,
             bool after_commands = false);
  // The names of the files in a folder that exist without vgpukit, sorted.
  Result<std::vector<std::string>> names(const std::string& folder, std::string_view suffix);
  [[nodiscard]] bool exists(const std::string& path) const { return host_.resolve(path).has_value(); }
  [[nodiscard]] std::vector<FileEdit> files() const;  // those that change
  // /proc/cmdline, or empty.
  [[nodiscard]] std::string running_parameters() const;

 private:
  Result<FileEdit*> edit(const std::string& path);
  const HostPaths& host_;
  const ReadText& read_;
  std::map<std::string, FileEdit> edits_;
};

inline constexpr const char* modprobe_file = "/etc/modprobe.d/vgpukit-passthrough.conf";
// A module that does not exist. If vfio-pci is built in, modprobe never loads it, so an install line for it would not
// run. It is written for this name instead.
inline constexpr const char* placeholder_module = "vgpukit_passthrough";

// `more`, then the ids of the claims that are by ids, each once, with commas.
std::string ids_of(const std::vector<CardClaim>& claims, const std::vector<std::string>& more);
// Adds the command if the list does not have it: one program can generate both the initramfs and the menu.
void add_command(std::vector<std::vector<std::string>>& list, const std::vector<std::string>& command);
// Adds the word if the list does not have it.
void add_unique(std::vector<std::string>& list, const std::string& word);

}  // namespace vgpukit::passthrough
