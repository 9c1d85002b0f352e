// What has to stand in which files so that vfio-pci has certain cards from the boot on, and which programs have to run
// then.
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
  std::string path;  // as the root knows it; where the user's file is a link, the file that it leads to
  std::optional<std::string> before;
  std::string after;
  unsigned mode = 0644;  // of a new file
  std::string why;
};

struct BootEdits {
  std::vector<FileEdit> files;  // sorted by path
  std::vector<std::vector<std::string>> commands;
  std::vector<std::string> warnings;
  std::string recovery;  // how the host is booted as before
  std::string unknown;   // why this host's files are not known well enough to write them; empty: they are
};

// The text of a file as it is without us, by its path as the root knows it; nothing where there is none. Error: it
// cannot be read.
using ReadText = std::function<Result<std::optional<std::string>>(const std::string& path)>;

// `claims`: those of all cards, not empty. Error: usage for a file that makes no sense (with its line).
Result<BootEdits> boot_edits(const HostPaths& host, const system::BootSetup& setup,
                             const std::vector<CardClaim>& claims, const InstalledModules& modules,
                             const ReadText& read);

// What the programs make, and a failure of theirs could spoil: the images and menus in /boot.
std::vector<std::string> boot_products(const HostPaths& host);

}  // namespace vgpukit::passthrough
