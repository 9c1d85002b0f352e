// history/: the patched tree as a git repository. It uses recipe/.
//
// Commit 0 is the package, then there is one commit for each recipe that applies. Binary objects are not included.
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
  // A new repository with the git folder `folder`/.git and the work tree `folder`. Commit 0 has all files of `tree` as
  // they are on disk. `folder` empty: in memory (for `plan --diff`).
  static Result<History> create(const std::filesystem::path& folder, const transform::SourceTree& tree,
                                const std::string& message);
  History(History&&) noexcept;
  ~History();

  // Adds a commit whose tree is commit 0 with `edits`. Author and dates are constants, so that the same input gives the
  // same ids.
  Result<HistoryCommit> commit(const transform::SourceTree::Edits& edits, const std::string& message);
  [[nodiscard]] const std::vector<HistoryCommit>& commits() const;
  // A unified diff between two commits (indices into commits()), with a/ and b/ prefixes.
  Result<std::string> diff(std::size_t from, std::size_t to) const;
  // One mail for each recipe, as git format-patch writes it: file name -> text.
  Result<std::vector<std::pair<std::string, std::string>>> series() const;
  // Sets HEAD and the index to the last commit, so that `git status` is clean if the work tree has the patched files.
  Status finish();

 private:
  struct State;
  explicit History(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The history of a plan. A commit has the recipe's reason and its upstream commits. `folder`: as for create().
Result<History> record_history(const std::filesystem::path& folder, const driver::Driver& driver,
                               const kernel::Kernel& kernel, const transform::SourceTree& tree,
                               const recipe::Plan& plan);

}  // namespace vgpukit::history
