#include "passthrough/edit_loader_files.hpp"

#include <algorithm>
#include <set>

#include "passthrough/parameter_words.hpp"
#include "support/text.hpp"
#include "system/boot_entries.hpp"
#include "system/grub_defaults.hpp"

namespace vgpukit::passthrough {

namespace {

constexpr const char* limine_variable = "KERNEL_CMDLINE[";

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
  return entry_with(copy, {system::recovery_parameter});
}

// Calls visit(folder, name, text) for each loader entry that boots a kernel.
template <class Visit>
Status each_entry(PendingEdits& pending, Visit visit) {
  for (const std::string folder : system::boot_folders) {
    TRY_ASSIGN(const auto names, pending.names(folder + "/loader/entries", ".conf"));
    for (const auto& name : names) {
      TRY_ASSIGN(const auto text, pending.text(folder + "/loader/entries/" + name));
      TRY(visit(folder + "/loader/entries/", name, text.value_or("")));
    }
  }
  return {};
}

// The running kernel's parameters, without what boot loaders add.
std::string running_parameters(PendingEdits& pending) {
  std::string line;
  for (const auto word : words_of(pending.running_parameters()))
    if (!word.starts_with("BOOT_IMAGE=") && !word.starts_with("initrd=")) append(line, word, " ");
  return line;
}

}  // namespace

Result<bool> edit_entries(PendingEdits& pending, const std::vector<std::string>& parameters) {
  bool any = false;
  TRY(each_entry(pending, [&](const std::string& folder, const std::string& name, const std::string& text) -> Status {
    const auto options = entry_options(text);
    // An entry without options boots no kernel.
    if (options.empty()) return {};
    any = true;
    TRY(pending.set(folder + "00-without-passthrough-" + name, recovery_entry(text), recovery_reason));
    const auto words = missing_words(options, parameters);
    if (!words.empty()) TRY(pending.set(folder + name, entry_with(text, words), reason_for(words)));
    return {};
  }));
  return any;
}

Result<bool> edit_with_grubby(PendingEdits& pending, const std::vector<std::string>& parameters, BootEdits& edits) {
  bool any = false;
  std::vector<std::string> missing;
  TRY(each_entry(pending, [&](const std::string& folder, const std::string& name, const std::string& text) -> Status {
    const auto options = entry_options(text);
    if (options.empty()) return {};
    edits.changed_by_commands.push_back(folder + name);
    // With $kernelopts (RHEL 8) the parameters are in GRUB's environment.
    const bool variables = contains(options, "$kernelopts");
    for (const auto& word : missing_words(variables ? pending.running_parameters() : options, parameters))
      add_unique(missing, word);
    if (variables) return {};
    any = true;
    return pending.set(folder + "00-without-passthrough-" + name, recovery_entry(text), recovery_reason, 0644, true);
  }));
  if (missing.empty()) {
    edits.changed_by_commands.clear();
    return any;
  }
  for (const auto* file : {"/etc/kernel/cmdline", "/etc/default/grub", "/boot/grub2/grubenv"})
    if (pending.exists(file)) edits.changed_by_commands.emplace_back(file);
  edits.commands.push_back({"grubby", "--update-kernel=ALL", "--args=" + join(missing, " ")});
  edits.added_by_grubby = missing;
  return any;
}

Status edit_command_line(PendingEdits& pending, const system::BootSetup& setup,
                         const std::vector<std::string>& parameters) {
  TRY_ASSIGN(const auto text, pending.text(setup.parameters_file));
  // Loader entries have their own parameters.
  if (!text && setup.place == system::ParameterPlace::loader_entries) return {};
  if (setup.parameters_file.ends_with(".conf") && contains(setup.parameters_file, "/loader/")) return {};
  const auto line = text ? *text : running_parameters(pending) + "\n";
  const auto words = missing_words(line, parameters);
  if (words.empty()) return {};
  return pending.set(setup.parameters_file, with_words_in_line(line, words), reason_for(words));
}

Status edit_dracut_command_line(PendingEdits& pending, const system::BootSetup& setup,
                                const std::vector<std::string>& parameters) {
  const auto words = missing_words(pending.running_parameters(), parameters);
  if (words.empty()) return {};
  return pending.set(setup.parameters_file,
                     "# Written by vgpukit passthrough apply\n" + setup.variable + "+=\" " + join(words, " ") + " \"\n",
                     reason_for(words));
}

Status edit_refind(PendingEdits& pending, const system::BootSetup& setup, const std::vector<std::string>& parameters) {
  TRY_ASSIGN(const auto text, pending.text(setup.parameters_file));
  const bool linux_conf = setup.parameters_file.ends_with("refind_linux.conf");
  std::string result, recovery;
  std::vector<std::string> added;
  const auto content = text.value_or("");
  for (std::size_t at = 0; at < content.size();) {
    const auto end = content.find('\n', at);
    auto line = content.substr(at, end == std::string::npos ? end : end - at + 1);
    at += line.size();
    const auto quotes = is_comment(line) ? std::vector<system::QuotedText>() : system::quoted_texts(line);
    const bool options = linux_conf ? quotes.size() >= 2 : trimmed(line).starts_with("options") && !quotes.empty();
    if (options) {
      const auto place = linux_conf ? quotes[1] : quotes[0];
      const auto old = line.substr(place.begin, place.end - place.begin);
      if (linux_conf && recovery.empty())
        recovery = "\"Without passthrough (vgpukit)\" \"" + old + (old.empty() ? "" : " ") +
                   system::recovery_parameter + "\"" + system::line_end_of(content);
      const auto words = missing_words(old, parameters);
      for (const auto& word : words) add_unique(added, word);
      if (!words.empty()) line.insert(place.end, (old.empty() ? "" : " ") + join(words, " "));
    }
    result += line;
  }
  if (!recovery.empty()) {
    if (!result.ends_with('\n')) result += system::line_end_of(content);
    result += recovery;
  }
  if (result == content) return {};
  return pending.set(setup.parameters_file, result, added.empty() ? recovery_reason : reason_for(added));
}

Status edit_limine_defaults(PendingEdits& pending, const std::vector<std::string>& parameters) {
  const std::string path = "/etc/default/limine";
  TRY_ASSIGN(const auto text, pending.text(path));
  auto content = text.value_or("");
  std::set<std::string> names;
  for (const auto& line : lines_of(content))
    if (const auto plain = trimmed(line); plain.starts_with(limine_variable))
      if (const auto end = plain.find(']'); end != std::string_view::npos)
        names.insert(std::string(plain.substr(0, end + 1)));
  if (names.empty()) {
    // limine-entry-tool then takes /etc/kernel/cmdline, or the running kernel's parameters.
    TRY_ASSIGN(const auto cmdline, pending.text("/etc/kernel/cmdline"));
    if (cmdline) {
      const auto words = missing_words(*cmdline, parameters);
      if (words.empty()) return {};
      return pending.set("/etc/kernel/cmdline", with_words_in_line(*cmdline, words), reason_for(words));
    }
    const auto line = running_parameters(pending);
    const auto words = missing_words(line, parameters);
    if (words.empty()) return {};
    auto all = words_of(line);
    all.insert(all.end(), words.begin(), words.end());
    TRY_ASSIGN(auto with,
               system::with_words(content, std::string(limine_variable) + "default]", {all.begin(), all.end()}, path));
    return pending.set(path, std::move(with), reason_for(words));
  }
  std::vector<std::string> added;
  for (const auto& name : names) {
    TRY_ASSIGN(const auto all, system::assignments_of(content, name, path));
    const auto words = missing_words(system::value_after(all, name, ""), parameters);
    if (words.empty()) continue;
    TRY_ASSIGN(content, system::with_words(content, name, words, path));
    for (const auto& word : words) add_unique(added, word);
  }
  if (added.empty()) return {};
  return pending.set(path, content, reason_for(added));
}

Status edit_limine_conf(PendingEdits& pending, const system::BootSetup& setup,
                        const std::vector<std::string>& parameters) {
  TRY_ASSIGN(const auto text, pending.text(setup.parameters_file));
  const auto content = text.value_or("");
  std::string result;
  std::vector<std::string> added;
  for (std::size_t at = 0; at < content.size();) {
    const auto end = content.find('\n', at);
    auto line = content.substr(at, end == std::string::npos ? end : end - at + 1);
    at += line.size();
    const auto [key, value] = system::limine_line(line);
    if (key == "cmdline" || key == "kernel_cmdline") {
      const auto words = missing_words(value, parameters);
      for (const auto& word : words) add_unique(added, word);
      if (!words.empty()) line = with_words_in_line(line, words);
    }
    result += line;
  }
  if (added.empty()) return {};
  return pending.set(setup.parameters_file, result, reason_for(added));
}

}  // namespace vgpukit::passthrough
