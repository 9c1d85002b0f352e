// Runs one strategy on the errors of a log, the headers of headers_fixture.hpp, and a driver of one file.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "authoring/strategies.hpp"
#include "diagnostics/build_log.hpp"
#include "diagnostics/headers_fixture.hpp"
#include "recipe/parse_recipe.hpp"

namespace vgpukit::authoring {

// A strategy gets the errors of a log, and its first candidate edits the driver as a recipe.
class StrategiesTest : public diagnostics::HeadersTest {
 protected:
  using Strategy = std::vector<Candidate> (*)(const Evidence&);

  std::vector<Candidate> candidates(Strategy strategy, const std::string& log) {
    const auto read = diagnostics::read_build_log(
        scratch_.write("make.log", "make[1]: Entering directory '/usr/src/linux-headers-7.2.0-new'\n" + log),
        {"6.12.1-old", "7.2.0-new"});
    if (!read) return {};
    const auto causes = diagnostics::causes_of(read->errors);
    const auto headers = kernels();
    changes_ = diagnostics::find_api_changes(headers, read->release, causes.subjects, {});
    if (changes_.empty()) return {};
    errors_.clear();
    for (const auto index : causes.errors[0]) errors_.push_back(read->errors[index]);
    older_.clear();
    older_.emplace_back(headers[0]);
    kernel_.emplace(headers[1]);
    Evidence evidence{changes_[0], errors_, *kernel_, older_, tree_};
    evidence.commit = commit_ ? &*commit_ : nullptr;
    evidence.later = &later_;
    return strategy(evidence);
  }

  // The file after the candidate's recipe.
  std::string result(const Candidate& candidate, const std::string& file = "nvidia/nv.c") {
    DraftOrigin origin;
    origin.adapted = "compiles";
    if (!candidate.change.steps.empty()) origin.shown.emplace(changes_[0].subject.name, candidate.change);
    diagnostics::Causes causes;
    causes.subjects.push_back(changes_[0].subject);
    causes.errors.emplace_back();
    for (std::size_t i = 0; i < errors_.size(); ++i) causes.errors[0].push_back(i);
    const auto drafts = draft_recipes({changes_[0]}, errors_, causes, "7.2.0-new", origin);
    if (drafts.empty()) return "no draft";
    const auto recipe = recipe::parse_recipe(drafts[0].text, drafts[0].id + ".yaml", {});
    if (!recipe) return recipe.error().message() + "\n" + drafts[0].text;
    EXPECT_EQ(recipe->adapted, recipe::Adapted::compiles);
    auto tree = tree_;
    for (const auto& step : recipe->steps)
      if (const auto applied = step.transform->apply(tree); !applied) return applied.error().message();
    return std::string(*tree.read(file));
  }

  void driver(const std::string& text) { tree_ = transform::SourceTree::of({{"nvidia/nv.c", text}}); }

  // The kernel's commit is this diff.
  void commit(const std::string& message, const std::string& diff) {
    commit_.emplace();
    commit_->id = "0123456789abcdef0123456789abcdef01234567";
    commit_->release = "7.1";
    commit_->subject = message.substr(0, message.find('\n'));
    commit_->message = message;
    commit_->diff = diff;
  }

  std::optional<KernelCommit> commit_;
  std::vector<LaterRelease> later_;
  transform::SourceTree tree_ = transform::SourceTree::of({});
  std::vector<diagnostics::ApiChange> changes_;
  std::vector<diagnostics::Diagnostic> errors_;
  std::deque<diagnostics::HeaderTexts> older_;
  std::optional<diagnostics::HeaderTexts> kernel_;
};

}  // namespace vgpukit::authoring
