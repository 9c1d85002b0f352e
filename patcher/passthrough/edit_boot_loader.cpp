#include "passthrough/edit_boot_loader.hpp"

#include <algorithm>

#include "passthrough/edit_loader_files.hpp"
#include "passthrough/parameter_words.hpp"
#include "support/text.hpp"
#include "system/boot_entries.hpp"
#include "system/grub_defaults.hpp"

namespace vgpukit::passthrough {

namespace {

using system::BootManager;
using system::ParameterPlace;

constexpr const char* variable = "GRUB_CMDLINE_LINUX_DEFAULT";

// A script that adds a second menu, made by GRUB's own script: without vgpukit's parameters, and with vfio_pci blocked.
std::string grub_recovery(const std::vector<std::string>& words) {
  const auto pattern = join(words, "|");
  return "#!/bin/sh\n"
         "# Written by vgpukit passthrough apply: the entries of the menu again, without passthrough.\n"
         "set -e\n"
         "words=\n"
         "for word in $GRUB_CMDLINE_LINUX_DEFAULT; do\n" +
         (pattern.empty() ? std::string("  words=\"$words $word\"\n")
                          : "  case \"$word\" in " + pattern + ") ;; *) words=\"$words $word\" ;; esac\n") +
         "done\n"
         "GRUB_CMDLINE_LINUX_DEFAULT=\"${words# } " +
         system::recovery_parameter +
         "\"\n"
         "GRUB_DISABLE_SUBMENU=y\n"
         "GRUB_DISABLE_RECOVERY=true\n"
         "GRUB_ENABLE_BLSCFG=false\n"
         "export GRUB_CMDLINE_LINUX_DEFAULT GRUB_DISABLE_SUBMENU GRUB_DISABLE_RECOVERY GRUB_ENABLE_BLSCFG\n"
         "echo \"submenu 'Without passthrough (vgpukit)' {\"\n"
         "# Its functions cannot be defined again in a submenu: only its entries are taken.\n"
         "/etc/grub.d/10_linux | sed -n '/^menuentry /,$p'\n"
         "echo '}'\n";
}

// Debian and Ubuntu source /etc/default/grub.d/*.cfg after /etc/default/grub.
struct GrubFiles {
  std::string last = "/etc/default/grub";  // the last file that sets the variable
  std::string line;                        // the values of both variables, as the kernel gets them
};
Result<GrubFiles> read_grub(PendingEdits& pending, BootEdits& edits) {
  GrubFiles found;
  std::vector<std::string> files = {found.last};
  TRY_ASSIGN(const auto names, pending.names("/etc/default/grub.d", ".cfg"));
  for (const auto& name : names) files.push_back("/etc/default/grub.d/" + name);
  std::string always, usual;
  for (const auto& file : files) {
    TRY_ASSIGN(const auto text, pending.text(file));
    if (!text) continue;
    if (system::line_end_of(*text) == "\r\n")
      edits.warnings.push_back(
          file + " has Windows line ends, which grub-mkconfig reads as a part of the values: dos2unix " + file);
    TRY_ASSIGN(const auto base, system::assignments_of(*text, "GRUB_CMDLINE_LINUX", file));
    TRY_ASSIGN(const auto more, system::assignments_of(*text, variable, file));
    always = system::value_after(base, "GRUB_CMDLINE_LINUX", always);
    usual = system::value_after(more, variable, usual);
    if (!more.empty()) found.last = file;
  }
  found.line = always + " " + usual;
  return found;
}

Status edit_grub(PendingEdits& pending, const std::vector<std::string>& parameters, BootEdits& edits) {
  TRY_ASSIGN(const auto grub, read_grub(pending, edits));
  const auto words = missing_words(grub.line, parameters);
  if (!words.empty()) {
    TRY_ASSIGN(const auto text, pending.text(grub.last));
    TRY_ASSIGN(auto with, system::with_words(text.value_or(""), variable, words, grub.last));
    TRY(pending.set(grub.last, std::move(with), reason_for(words)));
  }
  if (pending.exists("/etc/grub.d/10_linux"))
    return pending.set("/etc/grub.d/99_vgpukit_without_passthrough", grub_recovery(words), recovery_reason, 0755);
  return {};
}

// What the loader's menu offers without these changes.
std::string recovery_of(const system::BootSetup& setup, bool entries) {
  std::string by_hand = std::string("press e in the boot menu and add ") + system::recovery_parameter +
                              " to the line with the kernel's parameters";
  if (setup.place == ParameterPlace::refind_conf)
    return "press F2 (or Insert) on the entry in rEFInd's menu and choose \"Without passthrough (vgpukit)\"";
  if (setup.place == ParameterPlace::unified_image)
    return "without Secure Boot, " + by_hand + "; with Secure Boot, boot a rescue disk and run vgpukit --root there";
  if (entries) return "choose an entry \"(without passthrough)\" in the boot menu, or " + by_hand;
  if (setup.place == ParameterPlace::grub_defaults)
    return "choose \"Without passthrough (vgpukit)\" in GRUB's menu (if no menu appears, hold Shift or press Esc while "
           "the host starts), or " +
           by_hand;
  return by_hand;
}

}  // namespace

Status edit_boot_loader(PendingEdits& pending, const system::BootSetup& setup,
                        const std::vector<std::string>& parameters, BootEdits& edits) {
  bool entries = false;
  switch (setup.place) {
    case ParameterPlace::none:
      if (!parameters.empty() && setup.manager == BootManager::files)
        edits.warnings.push_back("the kernel needs these parameters: " + join(parameters, " "));
      break;
    case ParameterPlace::grub_defaults:
      TRY(edit_grub(pending, parameters, edits));
      break;
    case ParameterPlace::grubby: {
      TRY_ASSIGN(entries, edit_with_grubby(pending, parameters, edits));
      break;
    }
    case ParameterPlace::loader_entries: {
      TRY_ASSIGN(entries, edit_entries(pending, parameters));
      TRY(edit_command_line(pending, setup, parameters));
      break;
    }
    case ParameterPlace::kernel_cmdline:
      TRY(edit_command_line(pending, setup, parameters));
      break;
    case ParameterPlace::unified_image:
      TRY(setup.variable.empty() ? edit_command_line(pending, setup, parameters)
                                 : edit_dracut_command_line(pending, setup, parameters));
      break;
    case ParameterPlace::refind_conf:
      TRY(edit_refind(pending, setup, parameters));
      break;
    case ParameterPlace::limine_defaults:
      TRY(edit_limine_defaults(pending, parameters));
      break;
    case ParameterPlace::limine_conf:
      TRY(edit_limine_conf(pending, setup, parameters));
      break;
  }
  edits.recovery = recovery_of(setup, entries);
  // The entries are already written above, so kernel-install need not run.
  const bool written =
      setup.place == ParameterPlace::grubby || (setup.place == ParameterPlace::loader_entries && entries);
  if (!setup.update_parameters.empty() && !written) add_command(edits.commands, setup.update_parameters);
  return {};
}

}  // namespace vgpukit::passthrough
