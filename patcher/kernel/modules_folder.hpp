// The only reader of /lib/modules: which kernels have a folder there, which modules are in it, and what depmod writes.
// All paths below follow symbolic links as the root would (in some roots /lib is an absolute link).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::kernel {

// The folder of a release, or of all releases (empty), as we reach it. Nothing when it is absent.
std::optional<std::filesystem::path> modules_folder(const HostPaths& host, std::string_view release = {});

// Whether the text may be a release (what uname -r prints): letters, digits and . _ + ~ -. It becomes part of commands,
// of file names, and of packages with their scripts, and in another root anybody can choose it.
bool is_release(std::string_view text);

// All kernels that have a folder in /lib/modules, sorted.
std::vector<std::string> releases_of(const HostPaths& host);

// Whether the kernel itself is installed, and not only its headers: modules.dep or kernel/ is there.
bool has_modules(const HostPaths& host, std::string_view release);

// The name that the kernel uses: "kernel/drivers/vfio/pci/vfio-pci.ko.xz" and "vfio-pci" -> "vfio_pci".
std::string module_name(std::string_view file_or_name);

struct InstalledModuleFile {
  std::string name;            // as it was asked for: "nvidia-vgpu-vfio"
  std::filesystem::path path;  // as the root knows it: /lib/modules/RELEASE/...
  std::filesystem::path file;  // as we reach it
};

// The modules of these names in /lib/modules/RELEASE, in any folder, compressed or not. '-' and '_' are the same.
std::vector<InstalledModuleFile> installed_module_files(const HostPaths& host, const std::string& release,
                                                        const std::vector<std::string>& names);

// The names of the files that depmod writes.
const std::vector<std::string>& depmod_files();

// Runs depmod for one kernel, in its root. Error: failed, with its output.
Status run_depmod(const HostPaths& host, const std::string& release);

}  // namespace vgpukit::kernel
