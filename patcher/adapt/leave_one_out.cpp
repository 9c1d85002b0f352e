#include "adapt/leave_one_out.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include "adapt/search.hpp"
#include "adapt/trial_tree.hpp"
#include "recipe/plan.hpp"
#include "support/text.hpp"
#include "transform/code_view.hpp"

namespace vgpukit::adapt {
namespace {

using Edits = transform::SourceTree::Edits;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The paths in which the edits differ.
std::set<std::string> differing(const Edits& one, const Edits& other) {
  std::set<std::string> paths;
  for (const auto* some : {&one, &other})
    for (const auto& [path, text] : *some) {
      const auto a = one.find(path);
      const auto b = other.find(path);
      if (a == one.end() || b == other.end() || a->second != b->second) paths.insert(path);
    }
  return paths;
}

std::string tokens_of(const transform::SourceTree& tree, const std::string& path) {
  std::string tokens;
  if (const auto text = tree.read(path)) {
    const transform::CodeView view(*text);
    for (const auto& token : view.code()) append(tokens, token.text, " ");
  }
  return tokens;
}

std::string kind_of(const std::vector<diagnostics::Diagnostic>& errors) {
  const bool compiles = std::all_of(errors.begin(), errors.end(), [](const auto& error) {
    return error.tool == "modpost" || error.tool == "verify" || error.tool == "ld";
  });
  if (compiles) return "link or load";
  const auto causes = diagnostics::causes_of(errors);
  if (causes.subjects.empty()) return "other";
  const auto& subject = causes.subjects.front();
  const bool callback = subject.kind == diagnostics::NameKind::field && !subject.arguments.empty();
  if (callback) return "callback changed";
  const auto kind = subject.kind == diagnostics::NameKind::name ? std::string("constant or variable")
                                                                : std::string(name_kind_word(subject.kind));
  return kind + (subject.gone ? " gone" : " changed");
}

class Measurement {
 public:
  Measurement(kernel::Facts& facts, const AdaptJob& job, const LoadWithout& load, const std::filesystem::path& folder)
      : facts_(facts),
        job_(job),
        load_(load),
        evidence_(job.headers, facts.kernel().release),
        trial_(facts, *job.driver, folder, {job.modules, job.accepted, job.jobs}) {}

  // Builds the driver with all recipes. Returns those that apply.
  Result<std::vector<std::string>> prepare() {
    TRY_ASSIGN(auto tree, transform::SourceTree::open(job_.driver->sources));
    TRY_ASSIGN(const auto plan,
               recipe::make_plan(*job_.catalogue, *job_.driver, facts_, tree, job_.accepted, job_.modules));
    TRY(trial_.write(tree.edits()));
    TRY_ASSIGN(const auto errors, trial_.build());
    if (!errors.empty())
      return Error{ErrorKind::failed, "measure " + job_.driver->version.text + " on " + facts_.kernel().release,
                   "it does not build with all recipes: " + errors.front().message, "vgpukit build shows each error"};
    std::vector<std::string> applied;
    for (const auto* line : plan.applied()) applied.push_back(line->recipe->id);
    with_all_.emplace(std::move(tree));
    return applied;
  }

  Result<LeftOut> one(const std::string& id) {
    LeftOut left;
    left.recipe = id;
    TRY_ASSIGN(const auto catalogue, load_({id}));
    TRY_ASSIGN(auto tree, transform::SourceTree::open(job_.driver->sources));
    TRY_ASSIGN(const auto plan, recipe::make_plan(catalogue, *job_.driver, facts_, tree, job_.accepted, job_.modules));
    const auto changed = differing(tree.edits(), with_all_->edits());
    const bool build_files = std::any_of(changed.begin(), changed.end(), TrialTree::needs_build);
    TRY(trial_.write(tree.edits()));
    TRY_ASSIGN(auto errors, trial_.build());
    left.report.before = errors;
    left.kind = build_files ? "conftest and makefiles" : kind_of(errors);
    if (errors.empty()) {
      left.outcome = LeftOut::Outcome::not_seen;
      left.kind = "no error";
    } else {
      const auto start = std::chrono::steady_clock::now();
      auto job = job_;
      job.catalogue = &catalogue;
      Search search(facts_, job, trial_, std::move(tree), evidence_);
      TRY(search.run(std::move(errors), left.report));
      left.seconds = seconds_since(start);
      if (left.report.green) {
        TRY_ASSIGN(const bool same, is_same(search.tree(), changed));
        left.outcome = same ? LeftOut::Outcome::same : LeftOut::Outcome::different;
      }
    }
    TRY(trial_.write(with_all_->edits()));
    return left;
  }

 private:
  // Whether the C files that the recipe or the proposals change are the same after the preprocessor. The tree has the
  // proposals; afterwards it has all recipes.
  Result<bool> is_same(const transform::SourceTree& found, const std::set<std::string>& of_recipe) {
    std::set<std::string> differ;
    for (const auto& path : differing(found.edits(), with_all_->edits()))
      if (tokens_of(found, path) != tokens_of(*with_all_, path)) differ.insert(path);
    if (differ.empty()) return true;
    std::set<std::string> sources;
    for (const auto& path : differ) {
      if (path.ends_with(".c")) sources.insert(path);
      // A header is compared through the files that the recipe concerns, and through those that include it.
      if (!path.ends_with(".h")) continue;
      const auto leaf = "\"" + path.substr(path.rfind('/') + 1) + "\"";
      for (const auto& each : found.matching("**/*.c"))
        if (const auto text = found.read(each); text && (of_recipe.contains(each) || contains(*text, leaf)))
          sources.insert(each);
      const auto others = compiled_for({path}, found);
      sources.insert(others.begin(), others.end());
    }
    std::map<std::string, std::string> texts;
    for (const auto& source : sources) {
      TRY_ASSIGN(texts[source], trial_.preprocessed(source));
    }
    TRY(trial_.write(with_all_->edits()));
    for (const auto& [source, text] : texts) {
      TRY_ASSIGN(const auto other, trial_.preprocessed(source));
      if (text.empty() || text != other) return false;
    }
    return !texts.empty();
  }

  kernel::Facts& facts_;
  const AdaptJob& job_;
  const LoadWithout& load_;
  HeaderEvidence evidence_;
  TrialTree trial_;
  std::optional<transform::SourceTree> with_all_;
};

}  // namespace

std::string_view outcome_name(LeftOut::Outcome outcome) {
  switch (outcome) {
    case LeftOut::Outcome::same:
      return "same";
    case LeftOut::Outcome::different:
      return "different";
    case LeftOut::Outcome::none:
      return "none";
    case LeftOut::Outcome::not_seen:
      return "not seen";
  }
  return "";
}

Result<std::vector<LeftOut>> leave_one_out(kernel::Facts& facts, const AdaptJob& job, const LoadWithout& load,
                                           const std::vector<std::string>& only,
                                           const std::function<void(const LeftOut&)>& on_result) {
  TRY_ASSIGN(const auto place, trial_place(facts, job));
  Measurement measurement(facts, job, load, place.folder);
  if (job.on_step) job.on_step("building " + job.driver->version.text + " with all recipes");
  TRY_ASSIGN(const auto applied, measurement.prepare());
  std::vector<LeftOut> all;
  for (const auto& id : applied) {
    if (!only.empty() && std::find(only.begin(), only.end(), id) == only.end()) continue;
    if (job.on_step) job.on_step("without " + id);
    TRY_ASSIGN(auto left, measurement.one(id));
    on_result(left);
    all.push_back(std::move(left));
  }
  return all;
}

}  // namespace vgpukit::adapt
