#include "passthrough/pending_edits.hpp"

#include <algorithm>

#include "support/text.hpp"
#include "system/boot_loader.hpp"

namespace vgpukit::passthrough {

Result<FileEdit*> PendingEdits::edit(const std::string& path) {
  auto real = path;
  if (const auto found = host_.resolve(path)) {
    real = host_.inside(*found).string();
  } else if (fs::is_symlink(fs::symlink_status(host_.reach(path)))) {
    return Error{ErrorKind::usage, "change " + path, "it is a link to a file that does not exist",
                 "create that file, or remove the link"};
  }
  const auto known = edits_.find(real);
  if (known != edits_.end()) return &known->second;
  TRY_ASSIGN(auto before, read_(real));
  FileEdit fresh;
  fresh.path = real;
  fresh.after = before.value_or("");
  fresh.before = std::move(before);
  return &edits_.emplace(real, std::move(fresh)).first->second;
}

Result<std::optional<std::string>> PendingEdits::text(const std::string& path) {
  TRY_ASSIGN(const auto* file, edit(path));
  if (!file->before && file->why.empty()) return std::optional<std::string>();
  return std::optional<std::string>(file->after);
}

Status PendingEdits::set(const std::string& path, std::string text, const std::string& why, unsigned mode,
                         bool after_commands) {
  TRY_ASSIGN(auto* file, edit(path));
  file->after = std::move(text);
  append(file->why, why, "; ");
  file->mode = mode;
  file->after_commands = after_commands;
  return {};
}

Result<std::vector<std::string>> PendingEdits::names(const std::string& folder, std::string_view suffix) {
  std::vector<std::string> names;
  const auto here = host_.resolve(folder);
  if (!here) return names;
  std::error_code bad;
  for (auto entry = fs::directory_iterator(*here, bad); !bad && entry != fs::directory_iterator();
       entry.increment(bad)) {
    const auto name = entry->path().filename().string();
    if (!name.ends_with(suffix) || !fs::is_regular_file(entry->path(), bad)) continue;
    TRY_ASSIGN(const auto original, read_(folder + "/" + name));
    if (original) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<FileEdit> PendingEdits::files() const {
  std::vector<FileEdit> list;
  for (const auto& [path, edit] : edits_)
    if (!edit.why.empty() && edit.before != edit.after) list.push_back(edit);
  return list;
}

std::string PendingEdits::running_parameters() const {
  return system::boot_text(host_, "/proc/cmdline");
}

std::string ids_of(const std::vector<CardClaim>& claims, const std::vector<std::string>& more) {
  std::vector<std::string> ids;
  for (const auto& id : more) add_unique(ids, id);
  for (const auto& claim : claims)
    if (!claim.by_address)
      for (const auto& function : claim.functions) add_unique(ids, function.ids);
  return join(ids, ",");
}

void add_command(std::vector<std::vector<std::string>>& list, const std::vector<std::string>& command) {
  if (std::find(list.begin(), list.end(), command) == list.end()) list.push_back(command);
}

void add_unique(std::vector<std::string>& list, const std::string& word) {
  if (std::find(list.begin(), list.end(), word) == list.end()) list.push_back(word);
}

}  // namespace vgpukit::passthrough
