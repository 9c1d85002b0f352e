// Changes to parts of the system that are made as a whole or not at all, even if the process is killed or the disk is
// full.
//
// FOLDER/ holds the lock, journal.json {"what", "phase": "changing" | "committing", "record"} and working/snapshot-N/.
// A change takes a snapshot of a path before anything changes that path. commit() writes the record of the new state
// into the journal; ChangeRules::commit then puts the new state in its place. undo(), the destructor, and the next
// command after a crash restore the snapshots.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "support/atomic_file.hpp"
#include "support/snapshot.hpp"

namespace vgpukit {

struct ChangeRules {
  HostPaths host;
  fs::path folder;
  // Puts the new state in its place, while working/ still exists. It may run twice, so each of its steps must allow it.
  // `record`: what commit() was called with.
  std::function<Status(const nlohmann::json& record, const OnStep&)> commit;
  // Runs before the snapshots are restored; may be empty. It may run twice.
  std::function<Status(const std::vector<Snapshot>&)> before_restore = {};

  [[nodiscard]] fs::path journal() const { return folder / "journal.json"; }
  [[nodiscard]] fs::path working() const { return folder / "working"; }
};

class JournaledChange {
 public:
  // Waits for another change in this folder, and for programs that a killed one has started. Then finishes or undoes
  // what a crash has left, and takes a snapshot of `paths`, if there are any. `what` is for people: "install
  // 535.247.02". Errors: no_space, and nothing has been changed; failed for a damaged journal.
  static Result<JournaledChange> begin(ChangeRules rules, std::string what, const std::vector<std::string>& paths = {},
                                       OnStep on_step = {});
  // Takes a snapshot of more paths. Call it before they are changed.
  Status add(const std::vector<std::string>& paths);
  // Announces a step of the work between begin() and commit(). Tests stop the process there.
  void step(std::string_view name) const;

  // Ends the change with the new state. An error before the record is in the journal undoes the change. After that the
  // next command finishes it.
  Status commit(const nlohmann::json& record);
  // Restores the snapshots.
  Status undo();

  // Undoes what was neither committed nor undone, so an early return on an error is enough.
  ~JournaledChange();
  JournaledChange(JournaledChange&&) noexcept = default;
  JournaledChange& operator=(JournaledChange&&) = delete;

  // Whether undo() would do something: neither commit() nor undo() has begun to end it.
  [[nodiscard]] bool is_open() const { return lock_ && lock_->held(); }
  [[nodiscard]] const std::vector<Snapshot>& snapshots() const { return snapshots_; }

 private:
  JournaledChange(ChangeRules rules, FileLock lock, std::string what, OnStep on_step)
      : rules_(std::move(rules)), lock_(std::move(lock)), what_(std::move(what)), on_step_(std::move(on_step)) {}
  Status write_journal(const char* phase, const nlohmann::json& record);

  ChangeRules rules_;
  std::optional<FileLock> lock_;
  std::string what_;
  OnStep on_step_;
  std::vector<Snapshot> snapshots_;
};

// The lock, after recovery: for a command that changes no path with a snapshot.
Result<FileLock> lock_changes(const ChangeRules& rules, const OnStep& on_step = {});

// The `what` of a change that a crash has left unfinished.
std::optional<std::string> unfinished_change(const ChangeRules& rules);

// Finishes or undoes that change. Gives a sentence that says which, or nothing if there was none. The lock must be
// held.
Result<std::optional<std::string>> recover_change(const ChangeRules& rules, const OnStep& on_step = {});

// The snapshots FOLDER/snapshot-N, in the order in which they were taken.
Result<std::vector<Snapshot>> open_snapshots(const HostPaths& host, const fs::path& folder);

// Moves a file or folder in the same file system. It does nothing if `from` is absent.
Status move_path(const fs::path& from, const fs::path& to);

}  // namespace vgpukit
