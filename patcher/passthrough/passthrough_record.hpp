// The record of what passthrough apply has changed on this machine, and how to undo all of it.
//
// STATE/passthrough/applied/ has record.json (the cards), before/ (each file without vgpukit's changes) and after/ (the
// file as vgpukit wrote it). A change is a JournaledChange in STATE/passthrough/: it prepares the next applied/ in
// working/next/.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "passthrough/boot_edits.hpp"
#include "support/atomic_file.hpp"
#include "support/journaled_change.hpp"

namespace vgpukit::passthrough {

// The state's folders.
struct PassthroughPlaces {
  explicit PassthroughPlaces(const HostPaths& host) : folder(host.machine_state() / "passthrough") {}
  fs::path folder;
  [[nodiscard]] fs::path applied() const { return folder / "applied"; }
  [[nodiscard]] fs::path next() const { return folder / "working/next"; }
  [[nodiscard]] fs::path next_of_0_1_0() const { return folder / "next"; }
  [[nodiscard]] fs::path old() const { return folder / "working/old"; }
  [[nodiscard]] fs::path overwritten() const { return folder / "overwritten"; }
};

// The machine's files without vgpukit's changes, and with the changes that others have made since.
class OriginalFiles {
 public:
  // Error: usage if the record is damaged.
  static Result<OriginalFiles> open(const HostPaths& host);

  [[nodiscard]] const std::vector<CardClaim>& cards() const { return cards_; }
  [[nodiscard]] const std::vector<std::vector<std::string>>& commands() const { return commands_; }
  // The parameters that grubby has added to the loader entries.
  [[nodiscard]] const std::vector<std::string>& added_by_grubby() const { return added_by_grubby_; }
  [[nodiscard]] std::vector<std::string> paths() const;  // that vgpukit wrote
  // A ReadText: the text of any file of the machine without vgpukit's changes.
  [[nodiscard]] Result<std::optional<std::string>> text(const std::string& path) const;
  // "FILE: vgpukit made it, and it was changed since": changes of others that restore() overwrites.
  [[nodiscard]] const std::vector<std::string>& conflicts() const { return conflicts_; }
  // "FILE was changed by somebody else since; ...": changes of others that stay.
  [[nodiscard]] const std::vector<std::string>& merged() const { return merges_; }

  // Writes the files in this state. A file with a conflict is copied to overwritten/ first.
  Status restore(const OnStep& on_step) const;

 private:
  enum class How { put_back, merge, leave, overwrite };
  struct One {
    How how = How::leave;
    std::optional<std::string> text;  // without vgpukit's changes
  };
  explicit OriginalFiles(HostPaths host) : host_(std::move(host)) {}
  // Decides what restore() does with a file. `after`: the files as vgpukit wrote them.
  Status compare(const std::string& path, const Snapshot& after);

  HostPaths host_;
  std::vector<CardClaim> cards_;
  std::vector<std::vector<std::string>> commands_;
  std::vector<std::string> added_by_grubby_;
  std::optional<Snapshot> before_;
  std::map<std::string, One> files_;
  std::vector<std::string> conflicts_, merges_;
};

// Runs a program of the machine and waits for it. Error: it cannot be run, or it failed.
using RunCommand = std::function<Status(const std::vector<std::string>& argv)>;

struct ChangeTools {
  const HostPaths& host;
  RunCommand run;
  OnStep on_step;          // may be empty
  bool overwrite = false;  // changes of others
};

// A commit with a record puts working/next/ in the place of applied/. A commit with null removes applied/.
ChangeRules passthrough_rules(const HostPaths& host);

// Restores the files, then applies `edits` for `cards`. Without cards nothing stays applied. `check` runs after the
// programs. After an error, also of a program or of `check`, all files are as they were before the call.
Status change_to(const ChangeTools& tools, JournaledChange change, const OriginalFiles& originals,
                 const std::vector<CardClaim>& cards, const BootEdits& edits,
                 const std::function<Status()>& check = {});

// "passthrough apply 0000:01:00.0", if a change was interrupted.
std::optional<std::string> unfinished_passthrough(const HostPaths& host);

// The id of the running boot; empty: not known.
std::string boot_id(const HostPaths& host);

}  // namespace vgpukit::passthrough
