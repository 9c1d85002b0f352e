// The boot loader side of passthrough: kernel parameters, and a menu entry that boots without them.
#pragma once

#include "passthrough/pending_edits.hpp"

namespace vgpukit::passthrough {

// Adds edits, commands and warnings, and sets BootEdits::recovery. Error: a file cannot be read, or GRUB's file has a
// quote that never ends.
Status edit_boot_loader(PendingEdits& pending, const system::BootSetup& setup,
                        const std::vector<std::string>& parameters, BootEdits& edits);

}  // namespace vgpukit::passthrough
