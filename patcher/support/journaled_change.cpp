#include "support/journaled_change.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "support/interrupt.hpp"
#include "support/json_file.hpp"
#include "support/log.hpp"

namespace vgpukit {

namespace {

using nlohmann::json;

fs::path snapshot_folder(const fs::path& folder, std::size_t number) {
  return folder / ("snapshot-" + std::to_string(number));
}

void remove_folder(const fs::path& folder) {
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

void close_journal(const ChangeRules& rules) {
  std::error_code ignored;
  fs::remove(rules.journal(), ignored);
  remove_folder(rules.working());
}

Status finish(const ChangeRules& rules, const json& record, const OnStep& on_step) {
  TRY(rules.commit(record, on_step));
  if (on_step) on_step("close the journal");
  close_journal(rules);
  return {};
}

// An earlier snapshot wins over a later one, because a later one may have been taken after a change.
Status restore_all(const ChangeRules& rules, const std::vector<Snapshot>& snapshots, const OnStep& on_step) {
  // Once a snapshot is being moved back, before_restore() has run, and a copy that is gone already would look like a
  // path that was absent.
  const bool moving =
      std::any_of(snapshots.begin(), snapshots.end(), [](const Snapshot& each) { return each.is_moving(); });
  if (rules.before_restore && !moving) TRY(rules.before_restore(snapshots));
  for (auto each = snapshots.rbegin(); each != snapshots.rend(); ++each) {
    if (!each->is_moving()) {
      auto restored = each->restore({}, on_step);
      if (restored) continue;
      if (restored.error().kind != ErrorKind::no_space) return restored;
    }
    TRY(each->move_back(on_step));
  }
  close_journal(rules);
  return {};
}

Error damaged(const fs::path& what, const std::string& why, const ChangeRules& rules) {
  return {ErrorKind::failed, "undo what an interrupted command has left", what.string() + why,
          "the copies of what was there before are in " + rules.working().string() + "; put them back, then remove " +
              rules.journal().string()};
}

// A journal says which files to restore and remove, so only root and this user may have written it, and nothing in its
// folder may lead to another place.
Status check_folder(const ChangeRules& rules) {
  struct stat info {};
  if (::lstat(rules.folder.c_str(), &info) != 0) return {};
  const auto refuse = [&](const fs::path& path, const std::string& why) {
    return Error{ErrorKind::failed, "use the journal of " + rules.folder.string(), path.string() + why,
                 "look at what is in " + rules.folder.string() + ", then remove that folder; nothing was changed"};
  };
  if ((info.st_uid != 0 && info.st_uid != ::geteuid()) || (info.st_mode & S_IWOTH))
    return refuse(rules.folder, " can be written by another user");
  for (const auto& entry : entries_of(rules.folder))
    if (std::error_code bad; fs::is_symlink(fs::symlink_status(entry, bad)))
      return refuse(entry, " is a symbolic link");
  return {};
}

}  // namespace

std::optional<std::string> unfinished_change(const ChangeRules& rules) {
  const auto journal = read_json(rules.journal());
  if (!journal) return std::nullopt;
  return text_in(*journal, "what", "something");
}

Result<std::optional<std::string>> recover_change(const ChangeRules& rules, const OnStep& on_step) {
  std::error_code bad;
  if (!fs::exists(rules.journal(), bad)) {
    remove_folder(rules.working());  // of a change that had not begun
    return std::optional<std::string>();
  }
  const auto journal = read_json(rules.journal());
  auto snapshots = open_snapshots(rules.host, rules.working());
  const auto phase = journal ? text_in(*journal, "phase") : std::string();
  // The journal says "changing" only when the first snapshot is complete.
  if (phase != "committing" && phase != "changing") return damaged(rules.journal(), " is damaged", rules);
  if (phase == "changing" && (!snapshots || snapshots->empty()))
    return damaged(rules.working(), " is damaged" + (snapshots ? "" : ": " + snapshots.error().why), rules);
  const auto what = text_in(*journal, "what", "something");
  if (phase == "committing") {
    // Passthrough's journal in vgpukit 0.1.0 has no record, but a key that says what to do.
    TRY(finish(rules, journal->value("record", *journal), on_step));
    return std::optional<std::string>("an earlier \"" + what + "\" was interrupted at its end; it is finished now");
  }
  TRY(restore_all(rules, *snapshots, on_step));
  return std::optional<std::string>("an earlier \"" + what + "\" was interrupted; what was there before is back");
}

Result<FileLock> lock_changes(const ChangeRules& rules, const OnStep& on_step) {
  TRY_ASSIGN(auto lock, FileLock::acquire(rules.folder / "lock", [] {
               log::info(
                   "waiting for another vgpukit that changes this system, or for a program that a killed one has "
                   "started");
             }));
  lock.share_with_children();
  Interrupt::let_finish();
  TRY(check_folder(rules));
  TRY_ASSIGN(const auto recovered, recover_change(rules, on_step));
  if (recovered) log::warning(*recovered);
  return lock;
}

Result<JournaledChange> JournaledChange::begin(ChangeRules rules, std::string what,
                                               const std::vector<std::string>& paths, OnStep on_step) {
  TRY_ASSIGN(auto lock, lock_changes(rules, on_step));
  JournaledChange change(std::move(rules), std::move(lock), std::move(what), std::move(on_step));
  change.step("begin");
  if (!paths.empty()) TRY(change.add(paths));
  return change;
}

Status JournaledChange::add(const std::vector<std::string>& paths) {
  // The journal follows the first snapshot: without a journal nothing has been changed. A later snapshot counts as soon
  // as its snapshot.json exists.
  const auto folder = snapshot_folder(rules_.working(), snapshots_.size());
  remove_folder(folder);
  TRY_ASSIGN(auto snapshot, Snapshot::keep(rules_.host, paths, folder, on_step_));
  step("open the journal");
  TRY(write_journal("changing", nullptr));
  snapshots_.push_back(std::move(snapshot));
  return {};
}

void JournaledChange::step(std::string_view name) const {
  if (on_step_) on_step_(name);
}

Status JournaledChange::write_journal(const char* phase, const json& record) {
  return write_file(rules_.journal(), json{{"what", what_}, {"phase", phase}, {"record", record}}.dump(1) + "\n");
}

Status JournaledChange::commit(const json& record) {
  step("commit");
  TRY(write_journal("committing", record));
  const auto lock = std::exchange(lock_, std::nullopt);  // the destructor no longer undoes this change
  TRY(finish(rules_, record, on_step_));
  return {};
}

Status JournaledChange::undo() {
  step("undo");
  const auto lock = std::exchange(lock_, std::nullopt);
  TRY(restore_all(rules_, snapshots_, on_step_));
  return {};
}

JournaledChange::~JournaledChange() {
  if (!is_open()) return;
  if (const auto undone = undo(); !undone) log::error(undone.error().message());
}

Result<std::vector<Snapshot>> open_snapshots(const HostPaths& host, const fs::path& folder) {
  std::vector<Snapshot> all;
  while (true) {
    // vgpukit 0.1.0 named the folders kept-N, and passthrough had one snapshot, in `folder` itself.
    const auto number = std::to_string(all.size());
    auto next = snapshot_folder(folder, all.size());
    if (!Snapshot::list_in(next)) next = folder / ("kept-" + number);
    if (!Snapshot::list_in(next) && all.empty()) next = folder;
    if (!Snapshot::list_in(next)) return all;
    TRY_ASSIGN(auto snapshot, Snapshot::open(host, next));
    all.push_back(std::move(snapshot));
  }
}

Status move_path(const fs::path& from, const fs::path& to) {
  std::error_code bad;
  if (!fs::exists(from, bad)) return {};
  fs::rename(from, to, bad);
  if (!bad) return {};
  return Error{kind_of(bad.value(), ErrorKind::missing),
               "move " + from.string() + " to " + to.string(),
               bad.message(),
               "make sure that this file system is writable and has free space, then run the command again",
               std::nullopt,
               bad.value()};
}

}  // namespace vgpukit
