// The files by which package managers call `vgpukit hook run`. The templates are in packaging/hooks.
#pragma once

#include <string>
#include <vector>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::install {

struct HookPlace {
  std::string manager;  // pacman, "kernel-install", "/etc/kernel/postinst.d"
  std::string path;     // where `vgpukit hook install` writes it, as the root knows it
  std::string vendor;   // where a package of vgpukit has it; may be the same
  std::string text;     // what it should hold
  unsigned mode = 0644;
  enum class State { missing, installed, packaged, different } state = State::missing;
};

// The places of the package managers that this root has. `vgpukit`: the program that they will run, as the root knows
// it. Error: missing if the templates are absent.
Result<std::vector<HookPlace>> hook_places(const HostPaths& host, const std::string& vgpukit);

// All files that install_hooks() could write, whatever this root has.
const std::vector<std::string>& hook_paths();

// Writes the files that are missing or different, and gives their paths. Files of a package of vgpukit stay as they
// are.
Result<std::vector<std::string>> install_hooks(const HostPaths& host, const std::string& vgpukit);

// Removes what install_hooks() has written, and gives the paths. A file that vgpukit has not written stays.
Result<std::vector<std::string>> remove_hooks(const HostPaths& host);

// The vgpukit that programs of this root will call. Error: missing if another root has none.
Result<std::string> vgpukit_of(const HostPaths& host, const std::string& tried);

}  // namespace vgpukit::install
