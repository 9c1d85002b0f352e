// The parts of a system that an installed driver consists of, and how they are removed.
#pragma once

#include <string>
#include <vector>

#include "install/dkms.hpp"
#include "install/transaction.hpp"

namespace vgpukit::install {

inline constexpr const char* dkms_module_name = "nvidia";  // nvidia-installer's name for it in dkms, too

// The modules that NVIDIA's packages have had so far.
const std::vector<std::string>& nvidia_module_names();

// The paths, as the root knows them, that can change when `versions` are installed or removed: their folders in
// /usr/src, all that dkms has of nvidia, each kernel's NVIDIA modules, what depmod writes, and hooks of package
// managers.
std::vector<std::string> install_scope(const HostPaths& host, const std::vector<std::string>& versions);

// The version of the installed driver; empty if none is installed.
std::string old_version(const HostPaths& host);

// Removes a version from dkms and from /usr/src. Its paths must have been added to the transaction.
Status remove_installed(const HostPaths& host, const Dkms& dkms, const std::string& version);

// Removes the files that the record lists as made by the installation. dkms's key stays if it may be enrolled in the
// firmware or if other modules may be signed with it. depmod's files stay if a kernel was installed since then: it
// would not boot without them.
void remove_made(const HostPaths& host, const InstallRecord& record, const Dkms& dkms);

}  // namespace vgpukit::install
