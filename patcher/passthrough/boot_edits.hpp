// The changes of a host's boot files that give cards to vfio-pci at boot: the edits of files, and the programs to run
// after them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "passthrough/vfio_claim.hpp"
#include "passthrough/vfio_modules.hpp"
#include "system/boot_setup.hpp"

namespace vgpukit::passthrough {

struct FileEdit {
  std::string path;  // as the root knows it; the target if the file is a link
  std::optional<std::string> before;
  std::string after;
  unsigned mode = 0644;         // of a new file
  bool after_commands = false;  // written after the programs have run
  std::string why;
};

struct BootEdits {
  std::vector<FileEdit> files;  // sorted by path
  std::vector<std::vector<std::string>> commands;
  std::vector<std::vector<std::string>> undo_commands;  // after the files have been restored
  std::vector<std::string> changed_by_commands;  // files with settings that a command changes: undo restores them, too
  std::vector<std::string> added_by_grubby;      // parameters
  std::vector<std::string> parameters;           // all that the kernel has to get
  std::vector<std::string> by_hand;              // lines for a person, if vgpukit changes nothing here
  std::vector<std::string> warnings;
  std::string recovery;  // how to boot the host without these changes
  std::string unknown;   // why vgpukit changes nothing here, or does not know which files to change; empty: it knows
  std::string unknown_next;  // what a person can do then; may be empty
};

// The text of a file without vgpukit's changes; nothing if it does not exist. `path`: as the root knows it. Error: it
// cannot be read.
using ReadText = std::function<Result<std::optional<std::string>>(const std::string& path)>;

// `claims`: of all cards that are applied, not empty. Error: usage for a file with a syntax error (with its line).
Result<BootEdits> boot_edits(const HostPaths& host, const system::BootSetup& setup,
                             const std::vector<CardClaim>& claims, const InstalledModules& modules,
                             const ReadText& read);

// The files that these programs write, and that a failed program could damage: the images and menus in /boot. Some
// may not exist.
std::vector<std::string> boot_products(const HostPaths& host);

}  // namespace vgpukit::passthrough
