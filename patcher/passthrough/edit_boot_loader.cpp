#include <algorithm>
#include <sstream>

#include "passthrough/pending_edits.hpp"
#include "system/grub_defaults.hpp"
#include "system/kernel_parameters.hpp"

namespace vgpukit::passthrough {

namespace {

constexpr const char* variable = "GRUB_CMDLINE_LINUX_DEFAULT";

// Which of the words a command line lacks. Where one is there with another value, ours goes behind it, and the kernel
// takes the last.
std::vector<std::string> missing_words(const std::string& line, const std::vector<std::string>& words) {
  const system::KernelParameters there(line);
  std::vector<std::string> missing;
  for (const auto& word : words) {
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    const auto* found = there.with(name, word.substr(equals + 1));
    const bool several = name == "video" || name == "initcall_blacklist";  // each of them counts
    if (found && (several || found == there.find(name))) continue;
    const auto* old = there.find(name);
    // Whatever they name has to stay vfio-pci's.
    if (name == "vfio-pci.ids" && old && old->value)
      missing.push_back("vfio-pci.ids=" + *old->value + "," + word.substr(equals + 1));
    else
      missing.push_back(word);
  }
  return missing;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// The same menu once more, made by GRUB's own script, without our parameters and with vfio_pci refused.
std::string grub_recovery(const std::vector<std::string>& words) {
  std::string pattern;
  for (const auto& word : words) pattern += (pattern.empty() ? "" : "|") + word;
  return "#!/bin/sh\n"
         "# Written by vgpukit passthrough apply: the menu's entries once more, which boot as if it had not been run.\n"
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

// The file that has the last word about the variable: Debian and Ubuntu source /etc/default/grub.d/*.cfg after
// /etc/default/grub.
struct GrubFiles {
  std::string last = "/etc/default/grub";
  std::string line;  // both variables, as the kernel gets them
};
Result<GrubFiles> read_grub(PendingEdits& draft, BootEdits& edits) {
  GrubFiles found;
  std::vector<std::string> files = {found.last};
  TRY_ASSIGN(const auto names, draft.names("/etc/default/grub.d", ".cfg"));
  for (const auto& name : names) files.push_back("/etc/default/grub.d/" + name);
  std::string always, usual;
  for (const auto& file : files) {
    TRY_ASSIGN(const auto text, draft.text(file));
    if (!text) continue;
    if (system::line_end_of(*text) == "\r\n")
      edits.warnings.push_back(
          file + " has Windows line ends, which grub-mkconfig takes for a part of the values: dos2unix " + file);
    TRY_ASSIGN(const auto base, system::assignments_of(*text, "GRUB_CMDLINE_LINUX", file));
    TRY_ASSIGN(const auto more, system::assignments_of(*text, variable, file));
    always = system::value_after(base, "GRUB_CMDLINE_LINUX", always);
    usual = system::value_after(more, variable, usual);
    if (!more.empty()) found.last = file;
  }
  found.line = always + " " + usual;
  return found;
}

Status edit_grub(PendingEdits& draft, const std::vector<std::string>& parameters, BootEdits& edits) {
  TRY_ASSIGN(const auto grub, read_grub(draft, edits));
  const auto words = missing_words(grub.line, parameters);
  if (!words.empty()) {
    TRY_ASSIGN(const auto text, draft.text(grub.last));
    TRY_ASSIGN(auto with, system::with_words(text.value_or(""), variable, words, grub.last));
    TRY(draft.set(grub.last, std::move(with), "the kernel's parameters: " + joined(words)));
  }
  if (draft.there("/etc/grub.d/10_linux"))
    return draft.set("/etc/grub.d/99_vgpukit_without_passthrough", grub_recovery(words),
                     "the boot menu keeps an entry without all this", 0755);
  return {};
}

// /etc/kernel/cmdline is one line; what begins with '#' is a comment.
std::string with_words_in_line(const std::string& text, const std::vector<std::string>& words) {
  std::size_t begin = 0;
  while (begin < text.size() && (text[begin] == '#' || text[begin] == '\n' || text[begin] == '\r'))
    begin = std::min(text.find('\n', begin), text.size() - 1) + 1;
  auto end = std::min(text.find('\n', begin), text.size());
  while (end > begin && (text[end - 1] == '\r' || text[end - 1] == ' ')) --end;
  std::string result = text;
  return result.insert(end, (end > begin ? " " : "") + joined(words));
}

// Lines of a loader entry that begin with this key (the Boot Loader Specification).
bool has_key(const std::string& line, std::string_view key) {
  return line.starts_with(key) && line.size() > key.size() && (line[key.size()] == ' ' || line[key.size()] == '\t');
}

std::string entry_options(const std::string& text) {
  std::string options;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (has_key(line, "options")) options += line.substr(7);
  return options;
}

// The entry with `words` at the end of its last "options" line.
std::string entry_with(const std::string& text, const std::vector<std::string>& words) {
  const auto at = text.rfind("\noptions");
  const auto begin = at == std::string::npos ? (text.starts_with("options") ? 0 : std::string::npos) : at + 1;
  if (begin == std::string::npos || !has_key(text.substr(begin), "options"))
    return text + (text.ends_with('\n') || text.empty() ? "" : "\n") + "options " + joined(words) +
           system::line_end_of(text);
  return text.substr(0, begin) + with_words_in_line(text.substr(begin), words);
}

// A copy that boots as if nothing had been changed. Without a sort-key it stands behind all that have one, and by its
// name behind the others; no "default arch*" means it.
std::string recovery_entry(const std::string& text) {
  std::string copy;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (has_key(line, "sort-key")) continue;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    copy += line + (has_key(line, "title") ? " (without passthrough)" : "") + "\n";
  }
  return entry_with(copy, {recovery_parameter});
}

Result<bool> edit_entries(PendingEdits& draft, const std::vector<std::string>& parameters) {
  bool any = false;
  for (const std::string folder : {"/boot/loader/entries", "/efi/loader/entries", "/boot/efi/loader/entries"}) {
    TRY_ASSIGN(const auto names, draft.names(folder, ".conf"));
    for (const auto& name : names) {
      TRY_ASSIGN(const auto text, draft.text(folder + "/" + name));
      const auto options = entry_options(text.value_or(""));
      // Without options it is no kernel's; with $kernelopts (Fedora up to 32) they are in GRUB's environment.
      if (options.empty() || options.find("$kernelopts") != std::string::npos) continue;
      any = true;
      TRY(draft.set(folder + "/00-without-passthrough-" + name, recovery_entry(*text),
                    "the boot menu keeps an entry without all this"));
      const auto words = missing_words(options, parameters);
      if (!words.empty())
        TRY(draft.set(folder + "/" + name, entry_with(*text, words), "the kernel's parameters: " + joined(words)));
    }
  }
  return any;
}

Status edit_command_line(PendingEdits& draft, const std::vector<std::string>& parameters) {
  const std::string path = "/etc/kernel/cmdline";
  TRY_ASSIGN(const auto text, draft.text(path));
  if (!text) return {};
  const auto words = missing_words(*text, parameters);
  if (words.empty()) return {};
  return draft.set(path, with_words_in_line(*text, words), "the kernel's parameters: " + joined(words));
}

}  // namespace

Status edit_loader(PendingEdits& draft, const system::BootSetup& setup, const std::vector<std::string>& parameters,
                   BootEdits& edits) {
  const std::string by_hand = std::string("press e in the boot menu and add ") + recovery_parameter +
                              " to the line with the kernel's parameters";
  edits.recovery = by_hand;
  bool entries = false;
  if (setup.loader == system::BootLoader::grub) TRY(edit_grub(draft, parameters, edits));
  if (setup.loader == system::BootLoader::systemd_boot || setup.loader == system::BootLoader::grub) {
    TRY_ASSIGN(entries, edit_entries(draft, parameters));
  }
  if (setup.loader != system::BootLoader::none) TRY(edit_command_line(draft, parameters));
  if (setup.loader == system::BootLoader::none && !parameters.empty())
    edits.warnings.push_back("the kernel needs these parameters: " + joined(parameters));

  if (entries) {
    edits.recovery = "choose an entry \"(without passthrough)\" in the boot menu, or " + by_hand;
  } else if (setup.loader == system::BootLoader::grub) {
    edits.recovery =
        "choose \"Without passthrough (vgpukit)\" in GRUB's menu (where there is none, hold Shift or press Esc while "
        "the host "
        "starts), "
        "or " +
        by_hand;
  }
  // Entries and the line that new ones are made from are written above; only what is made from them has to be made
  // anew. mkinitcpio puts /etc/kernel/cmdline into its unified images itself.
  const bool made = setup.loader == system::BootLoader::systemd_boot &&
                    (entries || setup.initramfs == system::InitramfsTool::mkinitcpio);
  if (!setup.update_parameters.empty() && !made) edits.commands.push_back(setup.update_parameters);
  return {};
}

}  // namespace vgpukit::passthrough
