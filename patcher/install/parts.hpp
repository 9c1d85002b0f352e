// What installing, going back and uninstalling share.
#pragma once

#include <string>
#include <vector>

#include "install/dkms.hpp"
#include "install/transaction.hpp"

namespace vgpukit::install {

inline constexpr const char* dkms_module_name = "nvidia";  // nvidia-installer's name for it in dkms, too

// The version of the installed driver; empty where none is.
std::string old_version(const HostPaths& host);

// Takes out what is installed, by dkms where it is dkms's. The copies of a transaction are kept already.
Status remove_installed(const HostPaths& host, const Dkms& dkms, const std::string& version);

// dkms's key stays where it may be enrolled in the firmware, or where other modules are signed with it; what depmod has
// written stays where a kernel has come since then, which would not boot without it.
void remove_made(const HostPaths& host, const InstallRecord& record, const Dkms& dkms);

}  // namespace vgpukit::install
