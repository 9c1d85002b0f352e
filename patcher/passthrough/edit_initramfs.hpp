// The initramfs side of passthrough: /etc/modprobe.d tells vfio-pci which devices to take, and the initramfs has that
// file and loads vfio-pci before the other drivers.
#pragma once

#include "passthrough/pending_edits.hpp"

namespace vgpukit::passthrough {

// Adds edits, commands and warnings. Error: a file cannot be read.
Status edit_initramfs(PendingEdits& pending, const system::BootSetup& setup, const std::vector<CardClaim>& claims,
                      const InstalledModules& modules, BootEdits& edits);

}  // namespace vgpukit::passthrough
