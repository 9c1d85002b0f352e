// libvirt runs the scripts in /etc/libvirt/hooks/qemu.d before a virtual machine starts and after it has ended
// (libvirt 6.5 and newer): one of ours, for one machine, gives it the host's only card and takes it back.
#pragma once

#include <string>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::passthrough {

// Where a machine's hook is, as the root knows it. Error: usage for a name that cannot be one.
Result<std::string> hook_file(const std::string& domain);

// `vgpukit`: how the script calls us. `card` is an address; `any_device`: it need not be NVIDIA's. Error: usage where a
// file is there that is not ours, or that was changed. Gives the file.
Result<std::string> install_hook(const HostPaths& host, const std::string& domain, const std::string& card,
                                 bool any_device, const std::string& vgpukit, bool overwrite);
// Error: usage where none is there, or it was changed. Gives the file.
Result<std::string> remove_hook(const HostPaths& host, const std::string& domain, bool overwrite);

}  // namespace vgpukit::passthrough
