// Hook scripts of libvirt (6.5 and newer), which it runs before a virtual machine starts and after it has ended:
// /etc/libvirt/hooks/qemu.d/vgpukit-DOMAIN gives the host's only card to one virtual machine and takes it back.
#pragma once

#include <string>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::passthrough {

// The path of a virtual machine's hook, as the root knows it. Error: usage for a name that libvirt does not accept.
Result<std::string> hook_file(const std::string& domain);

// Writes the hook and returns its path. `vgpukit`: the command that the script runs. `card`: an address. `any_device`:
// it need not be NVIDIA's. `overwrite`: also a hook that is not vgpukit's or that was edited; otherwise error: usage.
Result<std::string> install_hook(const HostPaths& host, const std::string& domain, const std::string& card,
                                 bool any_device, const std::string& vgpukit, bool overwrite);
// Removes the hook and returns its path. Error: usage if there is none, or, without `overwrite`, if it was edited.
Result<std::string> remove_hook(const HostPaths& host, const std::string& domain, bool overwrite);

}  // namespace vgpukit::passthrough
