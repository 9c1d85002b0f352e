// Changes to the system that are made as a whole or not at all, whatever happens in between.
//
// Before anything is changed, all that may change is copied (Kept). Then anybody may change it: dkms, nvidia-installer,
// we. In the end the new state is recorded and the copies become the way back of `vgpukit rollback`; or the copies are
// put back. The journal says how far it got, so that the next command can finish or undo what a crash has left.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "support/atomic_file.hpp"
#include "support/host_paths.hpp"
#include "support/result.hpp"
#include "support/snapshot.hpp"

namespace vgpukit::install {

// What is kept about an installed driver: STATE/install/installed.json. As JSON, because it is a user's (`vgpukit
// status`), too.
using InstallRecord = nlohmann::json;

// Waits until nobody else changes this root's driver, then finishes or undoes what a crash has left.
Result<FileLock> lock_installation(const HostPaths& host);

class Transaction {
 public:
  // Waits for another one in this root, and first finishes or undoes what a crash has left. Then copies `paths`. `what`
  // is for people: "install 535.247.02". Error: missing for a full disk: nothing has been changed.
  static Result<Transaction> begin(const HostPaths& host, const std::string& what,
                                   const std::vector<std::string>& paths, OnStep on_step = {});
  // What is going to change turned out to be more. Before it is changed.
  Status add(const std::vector<std::string>& paths);
  // A step of the work that is done between begin() and commit(); for the tests.
  void step(std::string_view name) const;

  // All is as it should be. The record becomes that of the installed driver, and the copies are for rollback.
  Status commit(const InstallRecord& record);
  // All is gone as it should be: no driver of ours is installed, and there is no way back.
  Status commit_removed();
  // Puts everything back.
  Status undo();

  // A transaction that is neither committed nor undone is undone: an early return on an error is enough.
  ~Transaction();
  Transaction(Transaction&&) noexcept = default;
  Transaction& operator=(Transaction&&) = delete;

  [[nodiscard]] const std::vector<Snapshot>& snapshots() const { return snapshots_; }

 private:
  Transaction(HostPaths host, FileLock lock, OnStep on_step)
      : host_(std::move(host)), lock_(std::move(lock)), on_step_(std::move(on_step)) {}
  Status write_journal(const char* phase, const InstallRecord* record = nullptr);

  HostPaths host_;
  std::optional<FileLock> lock_;
  OnStep on_step_;
  std::string what_;
  std::vector<Snapshot> snapshots_;
};

// What a crash has left: "install 535.247.02", or nothing.
std::optional<std::string> unfinished_work(const HostPaths& host);

// Finishes or undoes it. Gives a sentence that says which, or nothing where there was nothing to do. `lock` must be
// held.
Result<std::optional<std::string>> recover(const HostPaths& host, const OnStep& on_step = {});

// The installed driver's record, and that of the one that rollback goes back to. Nothing when there is none.
std::optional<InstallRecord> installed_record(const HostPaths& host);
std::optional<InstallRecord> previous_record(const HostPaths& host);
// What was kept of the state before the installed driver, in the order in which it was kept. Empty when there is no way
// back.
Result<std::vector<Snapshot>> previous_state(const HostPaths& host);

}  // namespace vgpukit::install
