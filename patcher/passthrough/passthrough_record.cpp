#include "passthrough/passthrough_record.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "passthrough/text_merge.hpp"
#include "support/json_file.hpp"
#include "support/log.hpp"
#include "support/sysfs.hpp"
#include "support/text.hpp"

namespace vgpukit::passthrough {

namespace {

using nlohmann::json;

Result<std::optional<std::string>> text_at(const fs::path& path) {
  std::error_code bad;
  if (!fs::exists(path, bad)) return std::optional<std::string>();
  TRY_ASSIGN(auto text, read_file(path));
  return std::optional<std::string>(std::move(text));
}

// Every step may run twice.
Status put_record_in_place(const PassthroughPlaces& places, const json& record, const OnStep& on_step) {
  const auto step = [&](const char* name) {
    if (on_step) on_step(name);
  };
  std::error_code bad;
  step("move the old record away");
  // A journal of 0.1.0 has the key "last" in place of a record: whether no card is left.
  const bool of_0_1_0 = record.contains("last");
  const auto next = of_0_1_0 ? places.next_of_0_1_0() : places.next();
  if (fs::exists(next, bad)) {
    TRY(move_path(places.applied(), places.old()));
    step("put the new record in its place");
    TRY(move_path(next, places.applied()));
  } else if (record.is_null() || (of_0_1_0 && record.at("last") == true)) {
    fs::remove_all(places.applied(), bad);
  }
  if (of_0_1_0) fs::remove_all(places.folder / "old", bad);
  return {};
}

// A file system that cannot be written is found before anything is changed: what has been changed elsewhere could not
// be restored from it, either.
Status refuse_read_only(const HostPaths& host, const std::vector<std::string>& paths) {
  for (const auto& path : paths) {
    auto folder = fs::path(path).parent_path();
    while (folder != "/" && !host.resolve(folder)) folder = folder.parent_path();
    const auto here = host.resolve(folder);
    if (here && ::access(here->c_str(), W_OK) != 0)
      return Error{ErrorKind::denied,
                   "change " + path,
                   folder.string() + ": " + std::generic_category().message(errno),
                   errno == EROFS ? "mount it writable, then try again; nothing was changed"
                                  : "run it with sudo; nothing was changed",
                   std::nullopt,
                   errno};
  }
  return {};
}

}  // namespace

std::string boot_id(const HostPaths& host) {
  return Sysfs(host).read("/proc/sys/kernel/random/boot_id").text;
}

Status OriginalFiles::compare(const std::string& path, const Snapshot& after) {
  const auto was_there = std::any_of(before_->paths().begin(), before_->paths().end(),
                                     [&](const SnapshotPath& each) { return each.path == path && each.there; });
  std::optional<std::string> before;
  if (was_there) {
    TRY_ASSIGN(before, text_at(before_->copy_of(path)));
  }
  TRY_ASSIGN(const auto ours, text_at(after.copy_of(path)));
  TRY_ASSIGN(const auto now, text_at(host_.in_root(path)));
  auto& one = files_[path];
  one.text = before;
  if (now == ours) {
    one.how = How::put_back;
  } else if (now == before) {
    one.how = How::leave;
  } else if (!now && contains(path, "/loader/entries/")) {
    merges_.push_back(path + " was removed since, with its kernel; it stays so");
    one.how = How::leave;
  } else if (!now) {
    conflicts_.push_back(path + " was removed since");
    one.how = How::overwrite;
  } else if (!before || !ours) {
    conflicts_.push_back(path + ": vgpukit made it, and it was changed since");
    one.how = How::overwrite;
  } else if (auto merged = merge_texts(*ours, *now, *before)) {
    merges_.push_back(path + " was changed by somebody else since; that change stays");
    one.how = How::merge;
    one.text = std::move(merged);
  } else {
    conflicts_.push_back(path + " was changed since, in the lines that vgpukit changed");
    one.how = How::overwrite;
  }
  return {};
}

Result<OriginalFiles> OriginalFiles::open(const HostPaths& host) {
  OriginalFiles originals(host);
  const PassthroughPlaces places(host);
  std::error_code bad;
  if (!fs::exists(places.applied() / "record.json", bad)) return originals;
  TRY_ASSIGN(const auto record, read_json(places.applied() / "record.json"));
  TRY_ASSIGN(auto before, Snapshot::open(host, places.applied() / "before"));
  TRY_ASSIGN(const auto after, Snapshot::open(host, places.applied() / "after"));
  const auto is_text = [](const json& each) { return each.is_string(); };
  const auto is_command = [&](const json& each) {
    return each.is_array() && !each.empty() && std::all_of(each.begin(), each.end(), is_text);
  };
  if (!has_list(record, "cards", [](const json& each) { return each.is_object(); }) ||
      !has_list(record, "commands", is_command) || !has_list(record, "added_by_grubby", is_text))
    return Error{ErrorKind::usage, "read " + (places.applied() / "record.json").string(), "it is damaged",
                 "the copies of the files from before are in " + (places.applied() / "before").string()};
  for (const auto& each : record.value("cards", json::array())) {
    TRY_ASSIGN(auto claim, claim_from_json(each));
    originals.cards_.push_back(std::move(claim));
  }
  for (const auto& each : record.value("commands", json::array()))
    originals.commands_.push_back(each.get<std::vector<std::string>>());
  originals.added_by_grubby_ = record.value("added_by_grubby", std::vector<std::string>());
  originals.before_ = std::move(before);
  for (const auto& path : originals.before_->names()) TRY(originals.compare(path, after));
  return originals;
}

std::vector<std::string> OriginalFiles::paths() const {
  std::vector<std::string> list;
  for (const auto& [path, one] : files_) list.push_back(path);
  return list;
}

Result<std::optional<std::string>> OriginalFiles::text(const std::string& path) const {
  const auto found = files_.find(path);
  if (found != files_.end()) return found->second.text;
  return text_at(host_.in_root(path));
}

Status OriginalFiles::restore(const OnStep& on_step) const {
  if (!before_) return {};
  const PassthroughPlaces places(host_);
  for (const auto& [path, one] : files_) {
    if (one.how == How::merge) TRY(replace_file(host_.in_root(path), *one.text, 0644));
    std::error_code bad;
    if (one.how != How::overwrite || !fs::exists(host_.in_root(path), bad)) continue;
    TRY_ASSIGN(const auto now, read_file(host_.in_root(path)));
    TRY(write_file(places.overwritten() / path.substr(1), now));
    log::warning("a copy of the changed " + path + " is in " + (places.overwritten() / path.substr(1)).string());
  }
  return before_->restore(
      [&](const std::string& path) {
        const auto how = files_.at(path).how;
        return how == How::put_back || how == How::overwrite;
      },
      on_step);
}

std::optional<std::string> unfinished_passthrough(const HostPaths& host) {
  return unfinished_change(passthrough_rules(host));
}

ChangeRules passthrough_rules(const HostPaths& host) {
  const PassthroughPlaces places(host);
  return {host, places.folder,
          [places](const json& record, const OnStep& on_step) { return put_record_in_place(places, record, on_step); },
          [places](const std::vector<Snapshot>&) -> Status {
            std::error_code bad;
            fs::remove_all(places.next_of_0_1_0(), bad);
            return {};
          }};
}

Status change_to(const ChangeTools& tools, JournaledChange change, const OriginalFiles& originals,
                 const std::vector<CardClaim>& cards, const BootEdits& edits, const std::function<Status()>& check) {
  const PassthroughPlaces places(tools.host);
  auto written = edits.changed_by_commands;
  for (const auto& edit : edits.files) written.push_back(edit.path);
  auto all = boot_products(tools.host);
  all.insert(all.end(), written.begin(), written.end());
  const auto ours = originals.paths();
  all.insert(all.end(), ours.begin(), ours.end());
  TRY(refuse_read_only(tools.host, written));
  TRY(change.add(all));
  const auto write = [&](bool after_commands) -> Status {
    for (const auto& edit : edits.files) {
      if (edit.after_commands != after_commands) continue;
      change.step("write " + edit.path);
      TRY(replace_file(tools.host.in_root(edit.path), edit.after, edit.mode));
    }
    return {};
  };
  const auto work = [&]() -> Status {
    json record;
    TRY(originals.restore(tools.on_step));
    if (!cards.empty()) {
      TRY(Snapshot::keep(tools.host, written, places.next() / "before", tools.on_step));
      TRY(write(false));
    }
    for (const auto& command : edits.commands) {
      change.step("run " + command.front());
      TRY(tools.run(command));
    }
    if (!cards.empty()) {
      TRY(write(true));
      TRY(Snapshot::keep(tools.host, written, places.next() / "after", tools.on_step));
      json list = json::array();
      for (const auto& card : cards) list.push_back(claim_json(card));
      record = {{"cards", list},
                {"commands", edits.undo_commands},
                {"added_by_grubby", edits.added_by_grubby},
                {"boot_id", boot_id(tools.host)}};
      TRY(write_file(places.next() / "record.json", json_text(record, 1) + "\n"));
    }
    if (check) TRY(check());
    return change.commit(record);
  };
  auto done = work();
  if (done || !change.is_open()) return done;
  if (const auto undone = change.undo(); !undone)
    done.error().next = "and what was there before could not be put back: " + undone.error().message();
  else
    append(done.error().next, "everything is as it was before", "; ");
  return done;
}

}  // namespace vgpukit::passthrough
