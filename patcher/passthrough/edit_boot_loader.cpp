#include "passthrough/edit_boot_loader.hpp"

#include <algorithm>

#include "support/text.hpp"
#include "system/grub_defaults.hpp"
#include "system/kernel_parameters.hpp"

namespace vgpukit::passthrough {

namespace {

constexpr const char* variable = "GRUB_CMDLINE_LINUX_DEFAULT";
constexpr const char* recovery_reason = "adds a boot menu entry without these changes";

// The words that a command line lacks. If a parameter is there with another value, the new word goes after it, because
// the kernel uses the last one.
std::vector<std::string> missing_words(const std::string& line, const std::vector<std::string>& words) {
  const system::KernelParameters there(line);
  std::vector<std::string> missing;
  for (const auto& word : words) {
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    const auto* found = there.with(name, word.substr(equals + 1));
    const bool several = name == "video" || name == "initcall_blacklist";  // the kernel uses every one of these
    if (found && (several || found == there.find(name))) continue;
    const auto* old = there.find(name);
    // vfio-pci keeps the devices that the old ids name.
    if (name == "vfio-pci.ids" && old && old->value)
      missing.push_back("vfio-pci.ids=" + *old->value + "," + word.substr(equals + 1));
    else
      missing.push_back(word);
  }
  return missing;
}

std::string reason_for(const std::vector<std::string>& words) {
  return "the kernel's parameters: " + join(words, " ");
}

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
         recovery_parameter +
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

// /etc/kernel/cmdline is one line. A line that begins with '#' is a comment.
std::string with_words_in_line(const std::string& text, const std::vector<std::string>& words) {
  std::size_t begin = 0;
  while (begin < text.size() && (text[begin] == '#' || text[begin] == '\n' || text[begin] == '\r'))
    begin = std::min(text.find('\n', begin), text.size() - 1) + 1;
  auto end = std::min(text.find('\n', begin), text.size());
  while (end > begin && (text[end - 1] == '\r' || text[end - 1] == ' ')) --end;
  std::string result = text;
  return result.insert(end, (end > begin ? " " : "") + join(words, " "));
}

// Lines of a loader entry that begin with this key (the Boot Loader Specification).
bool has_key(const std::string& line, std::string_view key) {
  return line.starts_with(key) && line.size() > key.size() && (line[key.size()] == ' ' || line[key.size()] == '\t');
}

std::string entry_options(const std::string& text) {
  std::string options;
  for (const auto& line : lines_of(text))
    if (has_key(line, "options")) options += line.substr(7);
  return options;
}

// The entry with `words` at the end of its last "options" line.
std::string entry_with(const std::string& text, const std::vector<std::string>& words) {
  const auto at = text.rfind("\noptions");
  const auto begin = at == std::string::npos ? (text.starts_with("options") ? 0 : std::string::npos) : at + 1;
  if (begin == std::string::npos || !has_key(text.substr(begin), "options"))
    return text + (text.ends_with('\n') || text.empty() ? "" : "\n") + "options " + join(words, " ") +
           system::line_end_of(text);
  return text.substr(0, begin) + with_words_in_line(text.substr(begin), words);
}

// A copy of the entry that boots without the changes. It has no sort-key, so it is sorted after all entries that have
// one. Its name is sorted after the others, and a pattern such as "default arch*" does not match it.
std::string recovery_entry(const std::string& text) {
  std::string copy;
  for (auto& line : lines_of(text)) {
    if (has_key(line, "sort-key")) continue;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    copy += line + (has_key(line, "title") ? " (without passthrough)" : "") + "\n";
  }
  return entry_with(copy, {recovery_parameter});
}

Result<bool> edit_entries(PendingEdits& pending, const std::vector<std::string>& parameters) {
  bool any = false;
  for (const std::string folder : {"/boot/loader/entries", "/efi/loader/entries", "/boot/efi/loader/entries"}) {
    TRY_ASSIGN(const auto names, pending.names(folder, ".conf"));
    for (const auto& name : names) {
      TRY_ASSIGN(const auto text, pending.text(folder + "/" + name));
      const auto options = entry_options(text.value_or(""));
      // An entry without options boots no kernel. With $kernelopts (Fedora up to 32) they are in GRUB's environment.
      if (options.empty() || contains(options, "$kernelopts")) continue;
      any = true;
      TRY(pending.set(folder + "/00-without-passthrough-" + name, recovery_entry(*text), recovery_reason));
      const auto words = missing_words(options, parameters);
      if (!words.empty()) TRY(pending.set(folder + "/" + name, entry_with(*text, words), reason_for(words)));
    }
  }
  return any;
}

Status edit_command_line(PendingEdits& pending, const std::vector<std::string>& parameters) {
  const std::string path = "/etc/kernel/cmdline";
  TRY_ASSIGN(const auto text, pending.text(path));
  if (!text) return {};
  const auto words = missing_words(*text, parameters);
  if (words.empty()) return {};
  return pending.set(path, with_words_in_line(*text, words), reason_for(words));
}

}  // namespace

Status edit_boot_loader(PendingEdits& pending, const system::BootSetup& setup,
                        const std::vector<std::string>& parameters, BootEdits& edits) {
  const std::string by_hand = std::string("press e in the boot menu and add ") + recovery_parameter +
                              " to the line with the kernel's parameters";
  edits.recovery = by_hand;
  bool entries = false;
  if (setup.loader == system::BootLoader::grub) TRY(edit_grub(pending, parameters, edits));
  if (setup.loader == system::BootLoader::systemd_boot || setup.loader == system::BootLoader::grub) {
    TRY_ASSIGN(entries, edit_entries(pending, parameters));
  }
  if (setup.loader != system::BootLoader::none) TRY(edit_command_line(pending, parameters));
  if (setup.loader == system::BootLoader::none && !parameters.empty())
    edits.warnings.push_back("the kernel needs these parameters: " + join(parameters, " "));

  if (entries) {
    edits.recovery = "choose an entry \"(without passthrough)\" in the boot menu, or " + by_hand;
  } else if (setup.loader == system::BootLoader::grub) {
    edits.recovery =
        "choose \"Without passthrough (vgpukit)\" in GRUB's menu (if no menu appears, hold Shift or press Esc while "
        "the "
        "host starts), or " +
        by_hand;
  }
  // systemd-boot's entries and /etc/kernel/cmdline are already written above, so kernel-install need not run.
  // mkinitcpio copies /etc/kernel/cmdline into its unified images.
  const bool written = setup.loader == system::BootLoader::systemd_boot &&
                       (entries || setup.initramfs == system::InitramfsTool::mkinitcpio);
  if (!setup.update_parameters.empty() && !written) edits.commands.push_back(setup.update_parameters);
  return {};
}

}  // namespace vgpukit::passthrough
