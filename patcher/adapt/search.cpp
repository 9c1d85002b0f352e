#include "adapt/search.hpp"

#include <algorithm>

#include "authoring/commit_draft.hpp"
#include "authoring/draft_text.hpp"
#include "authoring/kernel_history.hpp"
#include "recipe/parse_recipe.hpp"
#include "recipe/plan.hpp"
#include "support/hash.hpp"
#include "support/text.hpp"

namespace vgpukit::adapt {
namespace {

using diagnostics::Diagnostic;
using diagnostics::NameKind;

// More would be no adaptation: a driver that never built has hundreds of errors.
constexpr std::size_t most_proposals = 40;
constexpr std::size_t most_ways_back = 3;
constexpr std::size_t most_tries = 200;
constexpr std::size_t many_subjects = 10;
constexpr std::string_view exercise_tool = "exercise";  // of an error that AdaptJob::exercise reported

std::string key_of(const diagnostics::Subject& subject) {
  return std::string(diagnostics::name_kind_word(subject.kind)) + " " + subject.of + " " + subject.name;
}

// Of these files; nothing: of all.
std::string state_of(const transform::SourceTree& tree, const std::vector<std::string>* files = nullptr) {
  Hasher hasher;
  for (const auto& [path, text] : tree.edits())
    if (!files || std::find(files->begin(), files->end(), path) != files->end())
      hasher.add(path).add(text ? *text : "removed");
  return hasher.hex();
}

bool is_about(const Diagnostic& error, const diagnostics::Subject& subject) {
  const auto found = diagnostics::subject_of(error);
  const bool of_another = found && !found->of.empty() && !subject.of.empty() && found->of != subject.of;
  return found && found->name == subject.name && !of_another &&
         (found->kind == NameKind::field) == (subject.kind == NameKind::field);
}

// The message without the compiler's guess, which depends on what else is declared.
std::string plain_message(const Diagnostic& error) {
  const auto guess = error.message.find("; did you mean ");
  const auto end = guess == std::string::npos ? guess : error.message.find('?', guess);
  return end == std::string::npos ? error.message : error.message.substr(0, guess) + error.message.substr(end + 1);
}

std::string place_and_message(const Diagnostic& error) {
  return (error.file.empty() ? error.tool : error.file + ":" + std::to_string(error.line)) + ": " + error.message;
}

// How often each file has each message.
std::map<std::pair<std::string, std::string>, std::size_t> counts_of(const std::vector<Diagnostic>& errors) {
  std::map<std::pair<std::string, std::string>, std::size_t> counts;
  for (const auto& error : errors) {
    const auto places = authoring::places_of({error});
    for (const auto& place : places) ++counts[{plain_message(error), place.file}];
    if (places.empty()) ++counts[{plain_message(error), ""}];
  }
  return counts;
}

// Those of `now` that are new, or at more places than before.
std::vector<Diagnostic> fresh_errors(const std::vector<Diagnostic>& before, const std::vector<Diagnostic>& now) {
  const auto known = counts_of(before);
  std::vector<Diagnostic> fresh;
  for (const auto& error : now) {
    const auto counts = counts_of({error});
    if (std::any_of(counts.begin(), counts.end(), [&](const auto& each) {
          const auto found = known.find(each.first);
          return found == known.end() || found->second < each.second;
        }))
      fresh.push_back(error);
  }
  return fresh;
}

recipe::Adapted known_of(const authoring::Candidate& candidate) {
  return candidate.proven ? recipe::Adapted::proven : recipe::Adapted::compiles;
}

std::size_t uses_of_word(const transform::SourceTree& tree, const std::string& path, std::string_view word) {
  std::size_t uses = 0;
  if (const auto text = tree.read(path))
    for_each_word(*text, [&](std::string_view each, std::size_t) { uses += each == word ? 1 : 0; });
  return uses;
}

// The errors without their places in these files; an error without a place is left out.
std::vector<Diagnostic> without(const std::vector<Diagnostic>& errors, const std::set<std::string>& files) {
  std::vector<Diagnostic> rest;
  for (const auto& error : errors) {
    auto places = authoring::places_of({error});
    const bool has_places = !places.empty();
    std::erase_if(places, [&](const auto& place) { return files.contains(place.file); });
    if (has_places && places.empty()) continue;
    Diagnostic one = error;
    if (has_places) {
      one.file = places.front().file;
      one.line = places.front().line;
      one.more.clear();
      for (std::size_t i = 1; i < places.size(); ++i)
        one.more.push_back(places[i].file + ":" + std::to_string(places[i].line));
    }
    rest.push_back(std::move(one));
  }
  return rest;
}

std::vector<Diagnostic> about_subject(const std::vector<Diagnostic>& errors, const diagnostics::Subject& subject) {
  std::vector<Diagnostic> about;
  std::copy_if(errors.begin(), errors.end(), std::back_inserter(about),
               [&](const Diagnostic& error) { return is_about(error, subject); });
  return about;
}

}  // namespace

std::vector<std::string> compiled_for(const std::vector<std::string>& files, const transform::SourceTree& tree) {
  constexpr std::size_t most_of_a_header = 3;
  std::set<std::string> all;
  for (const auto& file : files) {
    if (file.ends_with(".c")) all.insert(file);
    if (!file.ends_with(".h")) continue;
    std::vector<std::string> headers = {file};
    std::set<std::string> sources;
    for (std::size_t i = 0; i < headers.size() && sources.size() < most_of_a_header; ++i) {
      const auto include = "\"" + headers[i].substr(headers[i].rfind('/') + 1) + "\"";
      for (const auto& path : tree.matching("**/*.{c,h}")) {
        const auto text = tree.read(path);
        if (!text || !contains(*text, include)) continue;
        if (path.ends_with(".c") && sources.size() < most_of_a_header)
          sources.insert(path);
        else if (path.ends_with(".h") && std::find(headers.begin(), headers.end(), path) == headers.end())
          headers.push_back(path);
      }
    }
    all.insert(sources.begin(), sources.end());
  }
  return {all.begin(), all.end()};
}

HeaderEvidence::HeaderEvidence(const std::vector<kernel::KernelHeaders>& headers, const std::string& release) {
  for (const auto& each : headers) kernels_.emplace_back(each);
  while (here_ < kernels_.size() && kernels_[here_].release() != release) ++here_;
  if (here_ == kernels_.size()) kernels_.emplace_back(kernel::KernelHeaders{release, {}, {}});
}

Search::Search(kernel::Facts& facts, const AdaptJob& job, TrialTree& trial, transform::SourceTree tree,
               HeaderEvidence& evidence)
    : facts_(facts), job_(job), trial_(trial), tree_(std::move(tree)), evidence_(evidence) {}

Status Search::run(Errors errors, AdaptReport& report) {
  errors_ = std::move(errors);
  if (!errors_.empty()) TRY(rename_variables(report));
  // With wrong answers of conftest nearly all files have errors.
  if (diagnostics::causes_of(errors_).subjects.size() >= many_subjects) TRY(change_conftest(report));
  std::size_t back = 0;
  bool stuck = false;
  for (;;) {
    // Nothing is left, or nothing helps against errors of which some may be of an earlier state.
    if (errors_.empty() || (stuck && since_build_ > 0)) {
      if (since_build_ > 0) {
        if (job_.on_step) job_.on_step("building all modules with " + std::to_string(taken_.size()) + " proposals");
        TRY_ASSIGN(errors_, trial_.build());
        since_build_ = 0;
      }
      if (errors_.empty()) TRY(exercise(report));
      if (errors_.empty()) break;
    }
    TRY_ASSIGN(const bool advanced, one_step(report));
    stuck = !advanced;
    if (advanced && taken_.size() < most_proposals && report.tried.size() < most_tries) continue;
    if (stuck && since_build_ > 0) continue;
    if (stuck) {
      TRY_ASSIGN(const bool changed, change_conftest(report));
      if (changed) continue;
    }
    bool went_back = false;
    if (!advanced && back++ < most_ways_back) {
      TRY_ASSIGN(went_back, go_back(report));
    }
    if (!went_back) break;
  }
  report.green = errors_.empty();
  report.left = errors_;
  if (!report.green) report.ended = why_ended(report);
  for (auto& one : taken_) report.proposals.push_back(std::move(one.proposal));
  report.history = std::move(history_);
  return {};
}

std::string Search::why_ended(const AdaptReport& report) const {
  if (errors_.front().tool == exercise_tool) return "it builds and is verified, and does not work";
  if (diagnostics::causes_of(errors_).subjects.empty())
    return "none of the errors that are left names something of the kernel, so that the driver may build on no kernel; "
           "vgpukit build explains each";
  if (taken_.size() >= most_proposals) return std::to_string(most_proposals) + " proposals are the limit";
  if (report.tried.size() >= most_tries) return std::to_string(most_tries) + " candidates are the limit";
  return "nothing else is known that could help";
}

// Uses the modules of a green build. If they do not work, that is an error.
Status Search::exercise(AdaptReport& report) {
  if (job_.exercise.empty()) return {};
  if (!job_.driver->missing_binary_objects.empty()) {
    report.exercise = "not used, because the package lacks " + job_.driver->missing_binary_objects.front();
    return {};
  }
  constexpr int status_missing = 3;
  if (job_.on_step) job_.on_step("using the modules: " + join(job_.exercise, " "));
  TRY_ASSIGN(const auto outcome, trial_.use_modules(job_.exercise, job_.environment));
  std::string last;
  for (const auto* text : {&outcome.err, &outcome.out})
    each_line(*text, [&](std::string_view line) {
      if (!trimmed(line).empty()) last = trimmed(line);
    });
  if (last.empty()) last = "it printed nothing";
  if (outcome.status == status_missing) {
    report.exercise = "not used, because that is not possible on this machine: " + last;
    return {};
  }
  report.exercise = (outcome.ok() ? "they were used: " : "they do not work: ") + last;
  if (outcome.ok()) {
    for (auto& each : taken_) {
      if (each.proposal.known != recipe::Adapted::compiles) continue;
      each.proposal.known = recipe::Adapted::exercised;
      const std::string line = "\nadapted: ";
      const auto at = each.proposal.draft.text.find(line + "compiles\n");
      each.proposal.draft.text.replace(at + line.size(), adapted_word(recipe::Adapted::compiles).size(),
                                       adapted_word(recipe::Adapted::exercised));
    }
    return {};
  }
  Diagnostic error;
  error.tool = exercise_tool;
  error.message = last;
  errors_ = {std::move(error)};
  return {};
}

// The proposal that made one of the errors, which was compiled and tried without the file that shows it, or which only
// linking and verifying show.
Result<std::optional<Search::Culprit>> Search::culprit(const AdaptReport& report) {
  std::optional<Culprit> none;
  if (taken_.size() == kept_ || errors_.empty()) return none;
  const auto fresh = fresh_errors(report.before, errors_);
  for (const auto& error : fresh) {
    if (error.tool == "modpost" || error.tool == "verify" || error.tool == "ld")
      return std::optional(Culprit{taken_.size() - 1, error});
    if (error.tool == exercise_tool) {
      for (std::size_t i = taken_.size(); i-- > kept_;)
        if (taken_[i].proposal.known == recipe::Adapted::compiles) return std::optional(Culprit{i, error});
      return none;
    }
    auto units = compiled_for(authoring::files_of({error}), tree_);
    if (!error.unit.empty()) units = {error.unit};
    for (std::size_t i = taken_.size(); i-- > kept_;) {
      TRY(trial_.write(taken_[i].before.edits()));
      TRY_ASSIGN(const auto without_it, trial_.compile(units));
      if (!fresh_errors(without_it, {error}).empty()) {
        if (!taken_[i].hides) return std::optional(Culprit{i, error});
        break;
      }
    }
  }
  TRY(trial_.write(tree_.edits()));
  return none;
}

// Takes such a proposal back, with those that were taken after it.
Result<bool> Search::go_back(AdaptReport& report) {
  TRY_ASSIGN(const auto found, culprit(report));
  if (!found) return false;
  for (std::size_t i = found->taken; i < taken_.size(); ++i)
    for (auto& each : report.tried)
      if (each.taken && each.change == taken_[i].proposal.draft.change) {
        each.taken = false;
        each.result = i > found->taken ? "taken back, because one before it was"
                                       : "it makes another error: " + place_and_message(found->error);
      }
  auto& last = taken_[found->taken];
  banned_.insert(last.key);
  tree_ = std::move(last.before);
  errors_ = std::move(last.errors);
  taken_.resize(found->taken);
  TRY(trial_.write(tree_.edits()));
  return true;
}

void Search::look_up(const std::vector<diagnostics::Subject>& subjects) {
  std::vector<diagnostics::Subject> unknown;
  for (const auto& subject : subjects)
    if (!changes_.contains(key_of(subject))) unknown.push_back(subject);
  if (unknown.empty()) return;
  auto found = diagnostics::find_api_changes(evidence_.kernels(), facts_.kernel().release, unknown, {});
  for (std::size_t i = 0; i < found.size(); ++i) changes_.emplace(key_of(unknown[i]), std::move(found[i]));
}

Result<bool> Search::rename_variables(AdaptReport& report) {
  const auto here = std::find_if(job_.headers.begin(), job_.headers.end(),
                                 [&](const auto& each) { return each.release == facts_.kernel().release; });
  if (here == job_.headers.end()) return false;
  return change_makefiles(authoring::unread_variables(tree_, *here, {job_.headers.begin(), here}), report);
}

Result<bool> Search::change_conftest(AdaptReport& report) {
  if (conftest_changed_ || trial_.doubtful_answers() == 0) return false;
  conftest_changed_ = true;
  return change_makefiles(authoring::conftest_options(tree_, facts_.kernel().release), report);
}

Result<bool> Search::change_makefiles(std::vector<authoring::MakefileChange> changes, AdaptReport& report) {
  const auto taken = taken_.size();
  auto accepted = job_.accepted;
  accepted.emplace(recipe::adapted_notice);
  bool built = true;  // the tree as it is
  for (auto& change : changes) {
    if (!change.proven && trial_.doubtful_answers() == 0) continue;
    const auto recipe = recipe::parse_recipe(change.draft.text, change.draft.id + ".yaml", {});
    if (!recipe) return recipe.error();  // a fault of vgpukit
    auto tree = tree_;
    TRY_ASSIGN(const auto line, recipe::plan_recipe(*recipe, *job_.driver, facts_, tree, accepted));
    if (line.decision != recipe::Decision::applies) continue;
    if (job_.on_step) job_.on_step("trying " + change.draft.change);
    const auto doubts = trial_.doubtful_answers();
    TRY(trial_.write(tree.edits()));
    TRY_ASSIGN(auto errors, trial_.build());
    const bool helps = trial_.doubtful_answers() < doubts || (change.proven && counts_of(errors) != counts_of(errors_));
    report.tried.push_back({change.draft.subject, change.strategy, change.draft.change, change.why,
                            helps ? "taken" : "the errors are the same", helps});
    built = helps;
    if (!helps) continue;
    Proposal proposal{change.draft, change.strategy, change.why,
                      change.proven ? recipe::Adapted::proven : recipe::Adapted::compiles};
    taken_.push_back({std::move(proposal), std::move(tree_), std::move(errors_), change.draft.id, true});
    kept_ = taken_.size();
    since_build_ = 0;
    tree_ = std::move(tree);
    errors_ = std::move(errors);
  }
  if (!built) {
    TRY(trial_.write(tree_.edits()));
    TRY_ASSIGN(errors_, trial_.build());
    since_build_ = 0;
  }
  return taken_.size() > taken;
}

Result<bool> Search::one_step(AdaptReport& report) {
  auto causes = diagnostics::causes_of(errors_);
  look_up(causes.subjects);
  // A missing header hides the errors behind it, and a missing type changes others.
  const auto rank = [&](std::size_t i) {
    const auto& subject = causes.subjects[i];
    const bool follows = !changes_.at(key_of(subject)).follows.empty();
    return follows ? 3 : subject.kind == NameKind::header ? 0 : subject.kind == NameKind::type ? 1 : 2;
  };
  std::vector<std::size_t> order(causes.subjects.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
  for (const bool again : {false, true})
    for (const auto i : order) {
      Errors about;
      for (const auto index : causes.errors[i]) about.push_back(errors_[index]);
      TRY_ASSIGN(const bool taken, try_subject(changes_.at(key_of(causes.subjects[i])), about, again, report));
      if (taken) return true;
    }
  return false;
}

std::vector<authoring::Candidate> Search::candidates(const diagnostics::ApiChange& api, const Errors& about,
                                                     const transform::SourceTree& tree) {
  authoring::Evidence evidence{api, about, evidence_.kernel(), evidence_.kernels(), tree};
  evidence.commit = commit_about(evidence);
  evidence.later = &job_.later;
  return authoring::candidates_for(evidence);
}

const authoring::KernelCommit* Search::commit_about(const authoring::Evidence& evidence) {
  if (job_.repository.empty()) return nullptr;
  const auto& subject = evidence.api.subject;
  const auto [at, fresh] = commits_.try_emplace(key_of(subject));
  if (fresh) {
    if (job_.on_step) job_.on_step("searching " + job_.repository.string() + " for " + subject.text());
    auto found =
        authoring::commit_that_changed(job_.repository, facts_.kernel().release, evidence.api, evidence.before());
    history_.push_back(subject.text() + ": " +
                       (found ? authoring::commit_text(*found) : "no commit: " + found.error().why));
    if (found) at->second = *std::move(found);
  }
  return at->second ? &*at->second : nullptr;
}

authoring::Draft Search::draft_of(const diagnostics::ApiChange& api, const Errors& about,
                                  const authoring::Candidate& candidate) const {
  authoring::DraftOrigin origin;
  origin.adapted = adapted_word(known_of(candidate));
  if (!candidate.change.steps.empty()) origin.shown.emplace(api.subject.name, candidate.change);
  if (const auto commit = commits_.find(key_of(api.subject)); commit != commits_.end() && commit->second)
    origin.upstream = authoring::upstream_line(*commit->second);
  diagnostics::Causes causes;
  causes.subjects.push_back(api.subject);
  auto& indices = causes.errors.emplace_back();
  for (std::size_t i = 0; i < about.size(); ++i) indices.push_back(i);
  auto drafts = authoring::draft_recipes({api}, about, causes, facts_.kernel().release, origin);
  return drafts.empty() || drafts.front().change.empty() ? authoring::Draft{} : std::move(drafts.front());
}

Result<Search::Attempt> Search::attempt(const authoring::Draft& draft, const diagnostics::Subject& subject) {
  Attempt made{tree_, {}, {}, false, draft.change, {}, false};
  const auto recipe = recipe::parse_recipe(draft.text, draft.id + ".yaml", {});
  if (!recipe) return recipe.error();  // a fault of vgpukit
  auto accepted = job_.accepted;
  accepted.emplace(recipe::adapted_notice);
  const auto planned = recipe::plan_recipe(*recipe, *job_.driver, facts_, made.tree, accepted);
  if (!planned) {
    if (planned.error().kind != ErrorKind::failed) return planned.error();
    made.unanswered = true;
    made.problem = planned.error().why;
    return made;
  }
  const auto& line = *planned;
  if (line.decision != recipe::Decision::applies) {
    made.problem = std::string(recipe::decision_name(line.decision)) + ": " + line.reason;
    return made;
  }
  // The compiler names a missing function once in a file, however often it is called there.
  for (const auto& missing : diagnostics::causes_of(errors_).subjects) {
    if (!missing.gone || missing == subject) continue;
    for (const auto& file : line.files)
      if (uses_of_word(made.tree, file.path, missing.name) > uses_of_word(tree_, file.path, missing.name)) {
        made.problem = "it needs " + missing.text() + ", which is an error, too";
        return made;
      }
  }
  auto files = authoring::files_of(about_subject(errors_, subject));
  for (const auto& file : line.files) files.push_back(file.path);
  TRY(trial_.write(made.tree.edits()));
  auto compiled = compiled_for(files, made.tree);
  for (const auto& error : about_subject(errors_, subject))
    if (!error.unit.empty()) compiled.push_back(error.unit);
  TRY_ASSIGN(const auto found, trial_.compile(compiled));
  made.fresh = fresh_errors(errors_, found);
  made.solved = about_subject(found, subject).empty();
  std::set<std::string> done(files.begin(), files.end());
  done.insert(compiled.begin(), compiled.end());
  made.errors = without(errors_, done);
  // What only the whole build shows is asked again at the end.
  std::erase_if(made.errors, [&](const Diagnostic& error) {
    return authoring::places_of({error}).empty() && is_about(error, subject);
  });
  made.errors.insert(made.errors.end(), found.begin(), found.end());
  return made;
}

void Search::take(Proposal proposal, const std::string& key, Attempt made, bool hides) {
  taken_.push_back({std::move(proposal), std::move(tree_), std::move(errors_), key, hides});
  ++since_build_;
  tree_ = std::move(made.tree);
  errors_ = std::move(made.errors);
}

Result<bool> Search::try_subject(const diagnostics::ApiChange& api, const Errors& about, bool again,
                                 AdaptReport& report) {
  struct Best {
    Proposal proposal;
    std::string key;
    Attempt attempt;
    std::size_t tried;
  };
  std::optional<Best> best;
  const auto files = authoring::files_of(about);
  for (auto& candidate : candidates(api, about, tree_)) {
    auto draft = draft_of(api, about, candidate);
    const auto key = draft.id + "\n" + draft.change;
    if (draft.text.empty() || banned_.contains(key)) continue;
    if (!again && !tried_.insert(key + " here " + state_of(tree_, &files)).second) continue;
    if (!tried_.insert(key + state_of(tree_)).second) continue;
    if (job_.on_step) job_.on_step("trying " + draft.change);
    Tried tried{api.subject.text(), candidate.strategy, draft.change, candidate.why, {}, false};
    TRY_ASSIGN(auto made, attempt(draft, api.subject));
    if (made.unanswered) {
      candidate.change.kernel = authoring::version_condition(facts_.kernel().release);
      draft = draft_of(api, about, candidate);
      TRY_ASSIGN(made, attempt(draft, api.subject));
    }
    Proposal proposal{draft, candidate.strategy, candidate.why, known_of(candidate)};
    if (!made.problem.empty())
      tried.result = made.problem;
    else if (!made.solved)
      tried.result = "the errors about it are still there";
    else if (!made.fresh.empty())
      tried.result = "it makes another error: " + place_and_message(made.fresh.front());
    else
      tried.result = "taken", tried.taken = true;
    report.tried.push_back(tried);
    if (tried.taken) {
      take(std::move(proposal), key, std::move(made), false);
      return true;
    }
    if (made.problem.empty() && made.solved) {
      TRY_ASSIGN(const bool both, with_second(made, proposal, key, report));
      if (both) return true;
      // Errors behind a missing header or type were not there before because the compiler did not get so far.
      const bool hides = api.subject.kind == NameKind::header || api.subject.kind == NameKind::type;
      if (hides && (!best || made.fresh.size() < best->attempt.fresh.size()))
        best = Best{std::move(proposal), key, std::move(made), report.tried.size() - 1};
    }
  }
  if (best) {
    report.tried[best->tried].result = "taken; the compiler now gets further";
    report.tried[best->tried].taken = true;
    TRY(trial_.write(best->attempt.tree.edits()));
    take(std::move(best->proposal), best->key, std::move(best->attempt), true);
    return true;
  }
  TRY(trial_.write(tree_.edits()));
  return false;
}

// Two changes that need each other: a candidate for the errors that the first one makes.
Result<bool> Search::with_second(const Attempt& first, Proposal proposal, const std::string& key, AdaptReport& report) {
  const auto causes = diagnostics::causes_of(first.fresh);
  if (causes.subjects.size() != 1 || !causes.others.empty()) return false;
  look_up(causes.subjects);
  const auto& api = changes_.at(key_of(causes.subjects[0]));
  const auto tree = tree_;
  const auto errors = errors_;
  for (const auto& candidate : candidates(api, first.fresh, first.tree)) {
    const auto draft = draft_of(api, first.fresh, candidate);
    const auto second = draft.id + "\n" + draft.change;
    if (draft.text.empty() || banned_.contains(second)) continue;
    tree_ = first.tree;
    errors_ = first.errors;
    auto made = attempt(draft, api.subject);
    tree_ = tree;
    errors_ = errors;
    if (!made) return made.error();
    if (!made->problem.empty() || !made->solved || !made->fresh.empty()) continue;
    report.tried.back().result = "taken, together with the next one";
    report.tried.back().taken = true;
    report.tried.push_back({api.subject.text(), candidate.strategy, draft.change, candidate.why, "taken", true});
    take(std::move(proposal), key, first, false);
    take({draft, candidate.strategy, candidate.why, known_of(candidate)}, second, *std::move(made), false);
    return true;
  }
  return false;
}

}  // namespace vgpukit::adapt
