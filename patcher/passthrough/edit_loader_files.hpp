// Kernel parameters in the files of boot loaders other than GRUB's own: loader entries, command line files, rEFInd's
// and Limine's. Each function adds edits. Error: a file cannot be read, or has a form that cannot be changed.
#pragma once

#include "passthrough/pending_edits.hpp"

namespace vgpukit::passthrough {

// The reason of an edit that adds such an entry.
inline constexpr const char* recovery_reason = "adds a boot menu entry without these changes";

// Loader entries, and a copy of each that boots without the changes. False: there is no entry.
Result<bool> edit_entries(PendingEdits& pending, const std::vector<std::string>& parameters);

// grubby changes the entries; the copies are written after that, because it changes all. False: there is no entry.
Result<bool> edit_with_grubby(PendingEdits& pending, const std::vector<std::string>& parameters, BootEdits& edits);

// The parameters' file (/etc/kernel/cmdline), which is one line. A new one gets the running kernel's parameters, too.
Status edit_command_line(PendingEdits& pending, const system::BootSetup& setup,
                         const std::vector<std::string>& parameters);

// A file of our own in /etc/dracut.conf.d that adds to dracut's kernel_cmdline.
Status edit_dracut_command_line(PendingEdits& pending, const system::BootSetup& setup,
                                const std::vector<std::string>& parameters);

// refind_linux.conf or refind.conf. refind_linux.conf also gets a line without the changes.
Status edit_refind(PendingEdits& pending, const system::BootSetup& setup, const std::vector<std::string>& parameters);

// KERNEL_CMDLINE[...] in /etc/default/limine.
Status edit_limine_defaults(PendingEdits& pending, const std::vector<std::string>& parameters);

// The lines `cmdline:` of limine.conf.
Status edit_limine_conf(PendingEdits& pending, const system::BootSetup& setup,
                        const std::vector<std::string>& parameters);

}  // namespace vgpukit::passthrough
