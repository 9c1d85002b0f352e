// What a person does on a system whose boot files another program owns: rpm-ostree, bootc, NixOS and others.
#pragma once

#include "passthrough/boot_edits.hpp"

namespace vgpukit::passthrough {

// Sets BootEdits::commands (programs to run) and by_hand (lines for files), and removes the edits of files that are not
// used there.
void steps_by_hand(const HostPaths& host, const system::BootSetup& setup, const std::vector<CardClaim>& claims,
                   const InstalledModules& modules, BootEdits& edits);

}  // namespace vgpukit::passthrough
