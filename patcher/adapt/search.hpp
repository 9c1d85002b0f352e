// The search for proposals in a tree with errors.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapt/adapt.hpp"
#include "adapt/trial_tree.hpp"
#include "diagnostics/error_subject.hpp"
#include "diagnostics/header_texts.hpp"
#include "transform/source_tree.hpp"

namespace vgpukit::adapt {

// The headers of all kernels in memory, each read at its first use.
class HeaderEvidence {
 public:
  HeaderEvidence(const std::vector<kernel::KernelHeaders>& headers, const std::string& release);
  [[nodiscard]] diagnostics::HeaderTexts& kernel() { return kernels_[here_]; }
  [[nodiscard]] std::deque<diagnostics::HeaderTexts>& kernels() { return kernels_; }

 private:
  std::deque<diagnostics::HeaderTexts> kernels_;
  std::size_t here_ = 0;
};

// The C files through which these files are compiled: a C file is its own; of a header, a few that include it.
std::vector<std::string> compiled_for(const std::vector<std::string>& files, const transform::SourceTree& tree);

class Search {
 public:
  // `tree`: the driver as the recipes leave it, which is also in `trial`, built once.
  Search(kernel::Facts& facts, const AdaptJob& job, TrialTree& trial, transform::SourceTree tree,
         HeaderEvidence& evidence);

  // Fills the report's proposals, tried, left and green. `errors`: of the build; none: it is only exercised.
  Status run(std::vector<diagnostics::Diagnostic> errors, AdaptReport& report);
  [[nodiscard]] const transform::SourceTree& tree() const { return tree_; }

 private:
  using Errors = std::vector<diagnostics::Diagnostic>;
  // A candidate in the tree.
  struct Attempt {
    transform::SourceTree tree;
    Errors errors;  // of the files concerned
    Errors fresh;   // of these, the ones that were not there before
    bool solved = false;
    std::string change, problem;  // why it cannot be applied
    bool unanswered = false;      // because the kernel's headers do not answer the recipe's question
  };
  // What was taken, and the state before it, for going back.
  struct Taken {
    Proposal proposal;
    transform::SourceTree before;
    Errors errors;
    std::string key;
    bool hides;  // without it the compiler did not get as far
  };

  // Each of these is tried with a whole build. Whether one was taken.
  Result<bool> change_makefiles(std::vector<authoring::MakefileChange> changes, AdaptReport& report);
  Result<bool> rename_variables(AdaptReport& report);
  Result<bool> change_conftest(AdaptReport& report);  // once
  Result<bool> one_step(AdaptReport& report);
  // `again`: also what failed before other files changed.
  Result<bool> try_subject(const diagnostics::ApiChange& api, const Errors& about, bool again, AdaptReport& report);
  Result<Attempt> attempt(const authoring::Draft& draft, const diagnostics::Subject& subject);
  Result<bool> with_second(const Attempt& first, Proposal proposal, const std::string& key, AdaptReport& report);
  [[nodiscard]] std::string why_ended(const AdaptReport& report) const;
  Result<bool> go_back(AdaptReport& report);
  struct Culprit {
    std::size_t taken;  // index
    diagnostics::Diagnostic error;
  };
  Status exercise(AdaptReport& report);
  Result<std::optional<Culprit>> culprit(const AdaptReport& report);
  void take(Proposal proposal, const std::string& key, Attempt made, bool hides);
  std::vector<authoring::Candidate> candidates(const diagnostics::ApiChange& api, const Errors& about,
                                               const transform::SourceTree& tree);
  authoring::Draft draft_of(const diagnostics::ApiChange& api, const Errors& about,
                            const authoring::Candidate& candidate) const;
  void look_up(const std::vector<diagnostics::Subject>& subjects);
  // The commit of the repository; null if there is none.
  const authoring::KernelCommit* commit_about(const authoring::Evidence& evidence);

  kernel::Facts& facts_;
  const AdaptJob& job_;
  TrialTree& trial_;
  transform::SourceTree tree_;
  HeaderEvidence& evidence_;
  Errors errors_;
  std::vector<Taken> taken_;
  std::size_t kept_ = 0;  // the first ones of taken_, which are not taken back: the last one is of makefiles
  bool conftest_changed_ = false;
  std::size_t since_build_ = 0;   // proposals taken since the last whole build
  std::set<std::string> tried_;   // draft and state of the tree, and of the files with the errors
  std::set<std::string> banned_;  // drafts that made a build fail
  std::map<std::string, diagnostics::ApiChange> changes_;
  std::map<std::string, std::optional<authoring::KernelCommit>> commits_;  // by the subject, as changes_
  std::vector<std::string> history_;                                       // AdaptReport::history
};

}  // namespace vgpukit::adapt
