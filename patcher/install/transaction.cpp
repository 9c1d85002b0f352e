#include "install/transaction.hpp"

#include <algorithm>

#include "install/nvidia_installer.hpp"
#include "support/log.hpp"

namespace vgpukit::install {

namespace {

using nlohmann::json;

// STATE/install/: journal.json while something is under way, kept-N/ its copies; installed.json;
// previous/{record.json,kept-N/}.
struct Places {
  explicit Places(const HostPaths& host) : folder(host.machine_state() / "install") {}
  fs::path folder;
  [[nodiscard]] fs::path journal() const { return folder / "journal.json"; }
  [[nodiscard]] fs::path record() const { return folder / "installed.json"; }
  [[nodiscard]] fs::path working() const { return folder / "working"; }
  [[nodiscard]] fs::path previous() const { return folder / "previous"; }
  [[nodiscard]] fs::path discarded() const { return folder / "discarded"; }
  [[nodiscard]] fs::path lock() const { return folder / "lock"; }
};

std::optional<json> read_json(const fs::path& file) {
  std::error_code bad;
  if (!fs::exists(file, bad)) return std::nullopt;
  const auto text = read_file(file);
  if (!text) return std::nullopt;
  auto document = json::parse(*text, nullptr, false);
  if (!document.is_object()) return std::nullopt;
  return std::optional<json>(std::move(document));  // a json converts to an optional of itself, too
}

Status move(const fs::path& from, const fs::path& to) {
  std::error_code bad;
  if (!fs::exists(from, bad)) return {};
  fs::rename(from, to, bad);
  if (bad)
    return Error{ErrorKind::missing, "move " + from.string() + " to " + to.string(), bad.message(),
                 "is the disk full?"};
  return {};
}

std::vector<fs::path> snapshot_folders(const fs::path& folder) {
  std::vector<fs::path> folders;
  std::error_code bad;
  for (unsigned i = 0; fs::exists(folder / ("snapshot-" + std::to_string(i)) / "snapshot.json", bad); ++i)
    folders.push_back(folder / ("snapshot-" + std::to_string(i)));
  return folders;
}

Result<std::vector<Snapshot>> open_snapshots(const HostPaths& host, const fs::path& folder) {
  std::vector<Snapshot> all;
  for (const auto& each : snapshot_folders(folder)) {
    TRY_ASSIGN(auto snapshots, Snapshot::open(host, each));
    all.push_back(std::move(snapshots));
  }
  return all;
}

// The later copies were made when something may have been changed already, so the first ones have the last word.
Status restore_all(const HostPaths& host, const std::vector<Snapshot>& snapshots, const OnStep& on_step) {
  // Once copies are moved back this is done, and a copy that is gone would look like one that never was.
  if (std::none_of(snapshots.begin(), snapshots.end(), [](const Snapshot& each) { return each.is_moving(); }))
    for (const auto& each : snapshots) TRY(remove_new_user_space(host, each, /*cut_short=*/true));
  for (auto each = snapshots.rbegin(); each != snapshots.rend(); ++each) {
    if (!each->is_moving()) {
      const auto back = each->restore({}, on_step);
      if (back) continue;
      if (!Snapshot::is_disk_full(back.error())) return back;
    }
    TRY(each->move_back(on_step));
  }
  return {};
}

void remove_folder(const fs::path& folder) {
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

// The new state is there, and only has to be written down. Everything here can be done twice.
Status finish_commit(const HostPaths& host, const json& journal, const OnStep& on_step) {
  const Places places(host);
  const auto step = [&](const char* name) {
    if (on_step) on_step(name);
  };
  std::error_code bad;
  const auto& record = journal.at("record");
  if (record.is_null()) {
    step("forget the installed driver");
    fs::remove(places.record(), bad);
    remove_folder(places.previous());
    remove_folder(places.working());
    fs::remove(places.folder / "nvidia-installer.log", bad);
  } else {
    // working/ is still there unless it has become previous/ before the crash.
    if (fs::exists(places.working(), bad)) {
      step("set the old way back aside");
      remove_folder(places.discarded());
      TRY(move(places.previous(), places.discarded()));
      step("keep the way back");
      if (const auto old = read_json(places.record()))
        TRY(write_file(places.working() / "record.json", old->dump(2) + "\n"));
      TRY(move(places.working(), places.previous()));
    }
    step("record the installed driver");
    TRY(write_file(places.record(), record.dump(2) + "\n"));
    remove_folder(places.discarded());
  }
  step("close the journal");
  fs::remove(places.journal(), bad);
  return {};
}

// Removes the state's folders where nothing of anybody is left in them.
void tidy(const HostPaths& host) {
  const Places places(host);
  std::error_code bad;
  fs::remove(places.lock(), bad);
  fs::remove(places.folder, bad);
  fs::remove(places.folder.parent_path(), bad);
}

}  // namespace

std::optional<std::string> unfinished_work(const HostPaths& host) {
  const auto journal = read_json(Places(host).journal());
  if (!journal) return std::nullopt;
  return journal->value("what", std::string("something"));
}

Result<std::optional<std::string>> recover(const HostPaths& host, const OnStep& on_step) {
  const Places places(host);
  std::error_code bad;
  if (!fs::exists(places.journal(), bad)) {
    remove_folder(places.working());  // of a transaction that had not begun
    return std::optional<std::string>();
  }
  const auto journal = read_json(places.journal());
  if (!journal)
    return Error{ErrorKind::failed, "tell what an interrupted command has left",
                 places.journal().string() + " is damaged",
                 "the copies of what was there before are in " + places.working().string() +
                     "; remove the journal when all is as it should be"};
  const auto what = journal->value("what", std::string("something"));
  const auto phase = journal->value("phase", std::string());
  if (phase == "committing") {
    TRY(finish_commit(host, *journal, on_step));
    return std::optional<std::string>("an earlier \"" + what + "\" was interrupted at its end; it is finished now");
  }
  TRY_ASSIGN(const auto snapshots, open_snapshots(host, places.working()));
  TRY(restore_all(host, snapshots, on_step));
  fs::remove(places.journal(), bad);
  remove_folder(places.working());
  return std::optional<std::string>("an earlier \"" + what + "\" was interrupted; what was there before is back");
}

Result<FileLock> lock_installation(const HostPaths& host) {
  TRY_ASSIGN(
      auto lock, FileLock::acquire(Places(host).lock(), [] {
        log::info("waiting for another vgpukit that changes this system, or for what one that was killed has started");
      }));
  lock.share_with_children();
  TRY_ASSIGN(const auto recovered, recover(host));
  if (recovered) log::warning(*recovered);
  return lock;
}

Result<Transaction> Transaction::begin(const HostPaths& host, const std::string& what,
                                       const std::vector<std::string>& paths, OnStep on_step) {
  const Places places(host);
  TRY_ASSIGN(auto lock, lock_installation(host));
  Transaction transaction(host, std::move(lock), std::move(on_step));
  transaction.what_ = what;
  transaction.step("begin");
  if (auto added = transaction.add(paths); !added) {
    remove_folder(places.working());
    return added.error();
  }
  return transaction;
}

Status Transaction::add(const std::vector<std::string>& paths) {
  // The journal comes after the first copies: without one, nothing has been changed. Later copies are made under the
  // journal, and count from when their kept.json is there, before the change that they are for.
  const auto folder = Places(host_).working() / ("snapshot-" + std::to_string(snapshots_.size()));
  remove_folder(folder);
  TRY_ASSIGN(auto snapshots, Snapshot::keep(host_, paths, folder, on_step_));
  snapshots_.push_back(std::move(snapshots));
  step("open the journal");
  return write_journal("changing");
}

void Transaction::step(std::string_view name) const {
  if (on_step_) on_step_(name);
}

Status Transaction::write_journal(const char* phase, const InstallRecord* record) {
  json journal = {{"what", what_}, {"phase", phase}};
  journal["record"] = record ? *record : json();
  return write_file(Places(host_).journal(), journal.dump(2) + "\n");
}

Status Transaction::commit(const InstallRecord& record) {
  step("commit");
  TRY(write_journal("committing", &record));
  snapshots_.clear();
  TRY(finish_commit(host_, {{"record", record}}, on_step_));
  lock_.reset();
  return {};
}

Status Transaction::commit_removed() {
  step("commit");
  TRY(write_journal("committing"));
  snapshots_.clear();
  TRY(finish_commit(host_, {{"record", nullptr}}, on_step_));
  tidy(host_);
  lock_.reset();
  return {};
}

Status Transaction::undo() {
  step("undo");
  TRY(restore_all(host_, snapshots_, on_step_));
  snapshots_.clear();
  const Places places(host_);
  std::error_code bad;
  fs::remove(places.journal(), bad);
  remove_folder(places.working());
  if (!fs::exists(places.record(), bad)) tidy(host_);
  lock_.reset();
  return {};
}

Transaction::~Transaction() {
  if (!lock_ || snapshots_.empty()) return;
  if (const auto undone = undo(); !undone) log::error(undone.error().message());
}

std::optional<InstallRecord> installed_record(const HostPaths& host) {
  return read_json(Places(host).record());
}

std::optional<InstallRecord> previous_record(const HostPaths& host) {
  return read_json(Places(host).previous() / "record.json");
}

Result<std::vector<Snapshot>> previous_state(const HostPaths& host) {
  return open_snapshots(host, Places(host).previous());
}

}  // namespace vgpukit::install
