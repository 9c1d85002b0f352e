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
  unsigned mode = 0644;  // of a new file
  std::string why;
};

struct BootEdits {
  std::vector<FileEdit> files;  // sorted by path
  std::vector<std::vector<std::string>> commands;
  std::vector<std::string> warnings;
  std::string recovery;  // how to boot the host without these changes
  std::string unknown;   // why vgpukit does not know which files to change; empty: it knows
};

// The text of a file without vgpukit's changes; nothing if it does not exist. `path`: as the root knows it. Error: it
// cannot be read.
using ReadText = std::function<Result<std::optional<std::string>>(const std::string& path)>;

// `claims`: of all cards that are applied, not empty. Error: usage for a file with a syntax error (with its line).
Result<BootEdits> boot_edits(const HostPaths& host, const system::BootSetup& setup,
                             const std::vector<CardClaim>& claims, const InstalledModules& modules,
                             const ReadText& read);

// The files that these programs write, and that a failed program could damage: the images and menus in /boot.
std::vector<std::string> boot_products(const HostPaths& host);

}  // namespace vgpukit::passthrough
