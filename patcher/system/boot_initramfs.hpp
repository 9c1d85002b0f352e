// Which program makes a host's initramfs. The image that booted decides; the files that exist only if it is not known.
#pragma once

#include <string>
#include <vector>

#include "support/host_paths.hpp"
#include "system/boot_loader.hpp"
#include "system/boot_setup.hpp"
#include "system/kernel_parameters.hpp"

namespace vgpukit::system {

// The initramfs images that the running kernel was started with, as /proc/cmdline or the entry of its loader names
// them: `value` is the image, `file` names it. Empty if that is not known.
std::vector<BootFact> booted_images(const HostPaths& host, const KernelParameters& parameters,
                                    const std::string& cmdline, const BootedLoader& booted);

// Sets the tool, its evidence and the command that makes the images again. Contradicting evidence becomes
// setup.refusal. The rest of `setup` has been set before.
void find_initramfs(const HostPaths& host, BootSetup& setup, const std::vector<BootFact>& images);

}  // namespace vgpukit::system
