// The patched tree as a git repository: commit 0 is the package as it came, then one commit per recipe. Binary objects
// are not in it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "kernel/kernel.hpp"
#include "recipe/plan.hpp"
#include "support/result.hpp"
#include "transform/source_tree.hpp"

namespace vgpukit::history {

struct HistoryCommit {
  std::string id;  // 40 hex digits
  std::string subject;
};

class History {
 public:
  // A new repository: its git folder is `folder`/.git, its work tree `folder`; commit 0 holds all files of `tree` as
  // they are on disk. `folder` empty: the repository lives in memory only (for `plan --diff`).
  static Result<History> create(const std::filesystem::path& folder, const transform::SourceTree& tree,
                                const std::string& message);
  History(History&&) noexcept;
  ~History();

  // Adds a commit whose tree is the baseline with `edits` on top. Author and dates are fixed, so that the same input
  // gives the same ids.
  Result<HistoryCommit> commit(const transform::SourceTree::Edits& edits, const std::string& message);
  [[nodiscard]] const std::vector<HistoryCommit>& commits() const;  // [0] is the baseline
  // A unified diff between two commits (indices into commits()), with a/ and b/ prefixes.
  Result<std::string> diff(std::size_t from, std::size_t to) const;
  // One mail per recipe as git format-patch writes it (git am takes it): file name -> text.
  Result<std::vector<std::pair<std::string, std::string>>> series() const;
  // Makes HEAD and the index agree with the last commit, so that `git status` in the work tree is clean once the files
  // are there.
  Status finish();

 private:
  struct State;
  explicit History(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The history of a plan: commit 0 the package as it came, then one commit for each recipe that applies, with its reason
// and upstream reference. `folder` empty: in memory.
Result<History> record_history(const std::filesystem::path& folder, const driver::Driver& driver,
                               const kernel::Kernel& kernel, const transform::SourceTree& tree,
                               const recipe::Plan& plan);

}  // namespace vgpukit::history
