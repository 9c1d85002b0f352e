// What would stop nvidia-installer, or make it damage a distribution's driver: found before the build.
#pragma once

#include <optional>
#include <vector>

#include "install/conflicts.hpp"

namespace vgpukit::install {

// A folder for the installer's temporary files, as the root knows it, where programs may run: the user's TMPDIR, /tmp,
// or `own`. Nothing if all of them are mounted noexec.
std::optional<fs::path> installer_tmpdir(const HostPaths& host, const fs::path& own);

// Folders that are mounted noexec, modules in use and who holds them, a distribution's pre-install script, and packages
// that own files of the driver's user space.
void add_installer_conflicts(std::vector<Conflict>& conflicts, const HostPaths& host, const ConflictRequest& request);

// Whether a file of a package belongs to the user space of NVIDIA's driver: "/usr/lib/x86_64-linux-gnu/libcuda.so.1".
bool is_user_space_of_driver(std::string_view path);

}  // namespace vgpukit::install
