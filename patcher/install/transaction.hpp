// The journal of installations, and the records of the installed driver and of the one before it.
//
// STATE/install/ holds the files of a JournaledChange, installed.json, and previous/{record.json, snapshot-N/}: what
// `vgpukit rollback` restores.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "support/journaled_change.hpp"

namespace vgpukit::install {

// The record of an installed driver, STATE/install/installed.json. `vgpukit status --format json` prints it.
using InstallRecord = nlohmann::json;

// A commit with a record makes it the record of the installed driver, and the snapshots become previous/. A commit with
// null removes both.
ChangeRules install_rules(const HostPaths& host);

// The record of the installed driver, and that of the driver that rollback goes back to. Nothing when there is none.
std::optional<InstallRecord> installed_record(const HostPaths& host);
std::optional<InstallRecord> previous_record(const HostPaths& host);
// The snapshots from before the installed driver, in the order in which they were taken. Empty when rollback has
// nothing to restore.
Result<std::vector<Snapshot>> previous_state(const HostPaths& host);

}  // namespace vgpukit::install
