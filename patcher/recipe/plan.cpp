#include "recipe/plan.hpp"

#include <algorithm>

#include "recipe/condition_matches.hpp"
#include "support/text.hpp"

namespace vgpukit::recipe {

namespace {

// A file condition in words: "'no_llseek' in **/*.c".
std::string wanted_text(const FileCondition& condition) {
  if (condition.what == FileCondition::What::file) return "file " + join(condition.globs, " or ");
  return "'" + join(condition.patterns, "' or '") + "' in " + join(condition.globs, ", ");
}

// The first condition that does not hold, as a clause; nothing if all hold. Adds the places of matches to `evidence`.
std::optional<std::string> first_unmet(const std::vector<FileCondition>& conditions, ConditionMatches& matches,
                                       const transform::SourceTree& tree, std::string* evidence) {
  for (const auto& condition : conditions) {
    const auto place = matches.first(condition, tree);
    if (place.has_value() != condition.wanted)
      return condition.wanted ? "the driver has no " + wanted_text(condition)
                              : "the driver has " + wanted_text(condition) + " (" + *place + ")";
    if (evidence && place) append(*evidence, *place);
  }
  return std::nullopt;
}

// The kernel's answer as a clause: "does not declare no_llseek in linux/fs.h". The evidence follows in brackets unless
// the clause says the same.
std::string answer_text(const KernelCondition& condition, const kernel::Answer& answer) {
  using Kind = kernel::Question::Kind;
  const auto& question = condition.question;
  if (answer.absent)
    return "has no " + question.of + " in " + join(question.headers, ", ") + (answer.assumed ? " (assumed)" : "");
  const auto verb = [&](const char* yes, const char* no) { return std::string(answer.yes ? yes : no); };
  std::string text;
  std::string evidence = answer.evidence;
  switch (question.kind) {
    case Kind::symbol:
      text = verb("exports ", "does not export ") + question.name;
      break;
    case Kind::symbol_is_gpl:
      text = verb("exports ", "does not export ") + question.name + " GPL-only";
      break;
    case Kind::config:
      text = verb("has ", "does not have ") + question.name + (question.value.empty() ? "" : "=" + question.value);
      evidence.clear();
      break;
    case Kind::header:
      text = verb("has the header ", "has no header ") + question.name;
      evidence.clear();
      break;
    case Kind::declaration:
      text = verb("declares ", "does not declare ") + question.name + " in " + join(question.headers, ", ");
      evidence.clear();
      break;
    case Kind::compiles:
      text = verb("takes ", "does not take ") + condition.about;
      if (answer.yes) evidence.clear();
      break;
    case Kind::compiler:
      text = verb("is built with ", "is not built with ") + question.name;
      break;
    case Kind::kbuild:
      text = verb("knows ", "does not know ") + question.name + " in its build files";
      if (!answer.yes) evidence.clear();
      break;
    case Kind::behaviour:
      text = verb("shows ", "does not show ") + question.name;
      break;
  }
  if (answer.assumed) evidence = "assumed";
  return text + (evidence.empty() ? "" : " (" + evidence + ")");
}

class Planner {
 public:
  Planner(const driver::Driver& driver, kernel::Facts& facts, transform::SourceTree& tree,
          const std::set<std::string>& accepted, const std::vector<std::string>& modules, ConditionMatches& matches)
      : driver_(driver), facts_(facts), tree_(tree), accepted_(accepted), modules_(modules), matches_(matches) {}

  Status decide(const Recipe& recipe, PlanLine& line) {
    if (const auto why = wrong_driver(recipe)) return set(line, Decision::not_needed, *why);
    if (const auto why = wrong_release(recipe)) return not_needed_by_kernel(line, *why);
    std::string evidence;
    const auto unmet = first_unmet(recipe.driver.files, matches_, tree_, &evidence);
    std::string kernel_says;
    // The kernel is asked only if the driver has something to change or contains the fix.
    std::string fix;
    const bool fixed = is_fixed(recipe, &fix);
    if (unmet && !fixed) return set(line, Decision::not_needed, *unmet);
    std::vector<std::string> doubts;
    TRY_ASSIGN(const auto no, kernel_refuses(recipe, kernel_says, doubts));
    if (no) return not_needed_by_kernel(line, "this kernel " + *no);
    if (fixed)
      return set(line, Decision::already_fixed,
                 "the driver brings its own fix" + (fix.empty() ? "" : " (" + fix + ")") + not_fixed(recipe));
    line.doubts = std::move(doubts);
    std::string reason = kernel_says.empty() ? "" : "this kernel " + kernel_says;
    if (!evidence.empty()) append(reason, "the driver uses it: " + evidence, "; ");
    if (reason.empty()) reason = "the versions match";
    if (recipe.notice && !accepted_.contains(recipe.notice->name)) return set(line, Decision::needs_consent, reason);
    return apply(recipe, line, reason);
  }

  // Asks all questions that the recipes have about the unedited driver, because together they share compiler runs.
  Status prefetch(const Catalogue& catalogue) {
    std::vector<kernel::Question> questions;
    for (const auto& recipe : catalogue.recipes()) {
      if (wrong_driver(recipe) || wrong_release(recipe)) continue;
      if (first_unmet(recipe.driver.files, matches_, tree_, nullptr) && !is_fixed(recipe, nullptr)) continue;
      for (const auto* group : {&recipe.kernel, &recipe.kernel_any})
        for (const auto& condition : *group) questions.push_back(condition.question);
    }
    return facts_.prefetch(questions);
  }

 private:
  bool is_fixed(const Recipe& recipe, std::string* evidence) {
    return !recipe.fixed.empty() && !first_unmet(recipe.fixed, matches_, tree_, evidence);
  }

  // Where a driver with its own fix still has everything that the recipe looks for, in files without the fix: somebody
  // patched a part of it. Empty for NVIDIA's own fixes, which are beside what they replace, or in a header or a build
  // file for the whole driver.
  std::string not_fixed(const Recipe& recipe) {
    std::set<std::string> fixed;
    for (const auto& condition : recipe.fixed)
      if (condition.wanted)
        for (const auto& [path, number] : matches_.places(condition, tree_)) {
          if (!path.ends_with(".c")) return {};
          fixed.insert(path);
        }
    std::set<std::string> left;
    for (const auto& condition : recipe.driver.files) {
      if (!condition.wanted || condition.what == FileCondition::What::file) continue;
      const auto before = left.size();
      for (const auto& [path, number] : matches_.places(condition, tree_))
        if (!fixed.contains(path)) left.insert(path + ":" + std::to_string(number));
      if (left.size() == before) return {};
    }
    if (left.empty()) return {};
    return ", which is not in " + join(std::vector<std::string>(left.begin(), left.end()), ", ");
  }

  static Status set(PlanLine& line, Decision decision, std::string reason) {
    line.decision = decision;
    line.reason = std::move(reason);
    return {};
  }

  static Status not_needed_by_kernel(PlanLine& line, std::string reason) {
    line.by_kernel = true;
    return set(line, Decision::not_needed, std::move(reason));
  }

  std::optional<std::string> wrong_driver(const Recipe& recipe) const {
    const auto& wanted = recipe.driver;
    if (wanted.versions && !wanted.versions->contains(driver_.version))
      return "for drivers " + wanted.versions->text + ", this is " + driver_.version.text;
    if (!wanted.flavours.empty() &&
        std::find(wanted.flavours.begin(), wanted.flavours.end(), driver_.flavour) == wanted.flavours.end())
      return "for " + join(wanted.flavours, " or ", driver::flavour_name) + " drivers, this is " +
             std::string(driver::flavour_name(driver_.flavour));
    return std::nullopt;
  }

  std::optional<std::string> wrong_release(const Recipe& recipe) const {
    const auto& version = facts_.kernel().version;
    if (recipe.kernel_versions && !recipe.kernel_versions->contains(version))
      return "for kernels " + recipe.kernel_versions->text + ", this is " + version.text;
    return std::nullopt;
  }

  // Why the kernel does not need the recipe, as a clause; nothing if it needs it. Adds the kernel's answers to `says`,
  // and the reasons why an answer is not certain to `doubts`. Only a negative answer can be uncertain.
  Result<std::optional<std::string>> kernel_refuses(const Recipe& recipe, std::string& says,
                                                    std::vector<std::string>& doubts) {
    const auto doubt = [&](const KernelCondition& condition, const kernel::Answer& answer) {
      if (answer.yes || answer.doubt.empty()) return;
      doubts.push_back("whether this kernel takes " + condition.about + " is not certain: " + answer.doubt);
    };
    for (const auto& condition : recipe.kernel) {
      TRY_ASSIGN(const auto answer, facts_.ask(condition.question));
      const auto text = answer_text(condition, answer);
      if (!holds(condition, answer)) return std::optional(text);
      doubt(condition, answer);
      append(says, text);
    }
    if (recipe.kernel_any.empty()) return std::optional<std::string>();
    std::string unmet;
    for (const auto& condition : recipe.kernel_any) {
      TRY_ASSIGN(const auto answer, facts_.ask(condition.question));
      const auto text = answer_text(condition, answer);
      if (holds(condition, answer)) {
        doubt(condition, answer);
        append(says, text);
        return std::optional<std::string>();
      }
      append(unmet, text);
    }
    return std::optional(unmet);
  }

  // `lacks` asks for another form: a thing that does not exist has none.
  static bool holds(const KernelCondition& condition, const kernel::Answer& answer) {
    return answer.yes == condition.wanted && answer.absent == condition.absent;
  }

  Status apply(const Recipe& recipe, PlanLine& line, const std::string& reason) {
    const auto before = tree_.snapshot();
    const auto cannot = [&](std::string why) {
      tree_.restore(before);
      line.files.clear();
      find_concerns(recipe, line);
      const auto& built = modules_.empty() ? driver_.modules : modules_;
      if (const auto& names = line.modules; !built.empty() && !names.empty() && !shares_one(names, built))
        return set(line, Decision::not_needed,
                   "it concerns only " + join(names, ", ") + (names.size() == 1 ? ", which is" : ", which are") +
                       " not built (and could not be applied: " + std::move(why) + ")");
      return set(line, Decision::cannot, reason + "; but " + std::move(why));
    };
    bool changed = false;
    for (const auto& step : recipe.steps) {
      const auto applied = step.transform->apply(tree_);
      if (!applied) return cannot(step.transform->describe() + ": " + applied.error().why);
      changed = changed || !applied->files.empty();
      for (const auto& file : applied->files) add_file(line, file);
    }
    if (const auto unmet = first_unmet(recipe.ensures, matches_, tree_, nullptr))
      return cannot("what it ensures does not hold afterwards: " + *unmet);
    if (!changed) {
      tree_.restore(before);
      return set(line, Decision::already_fixed, "every step finds its result in the driver already");
    }
    line.after = tree_.snapshot();
    return set(line, Decision::applies, reason);
  }

  static bool shares_one(const std::vector<std::string>& some, const std::vector<std::string>& others) {
    return std::any_of(some.begin(), some.end(), [&](const std::string& name) {
      return std::find(others.begin(), others.end(), name) != others.end();
    });
  }

  // A file outside of the modules' folders (common/, Kbuild, conftest.sh) concerns all of them.
  void find_concerns(const Recipe& recipe, PlanLine& line) {
    std::set<std::string> files;
    for (const auto& condition : recipe.driver.files)
      if (condition.wanted)
        for (const auto& [path, line_number] : matches_.places(condition, tree_)) files.insert(path);
    line.concerns.assign(files.begin(), files.end());
    line.modules = recipe.modules;
    if (!line.modules.empty()) return;
    std::set<std::string> names;
    for (const auto& path : files) {
      const auto folder = path.substr(0, path.find('/'));
      // A module's folder that the Makefile does not name belongs to a module that is not built.
      if (std::find(driver_.modules.begin(), driver_.modules.end(), folder) == driver_.modules.end() &&
          !folder.starts_with("nvidia"))
        return;
      names.insert(folder);
    }
    line.modules.assign(names.begin(), names.end());
  }

  static void add_file(PlanLine& line, const transform::Applied::File& file) {
    const auto same =
        std::find_if(line.files.begin(), line.files.end(), [&](const auto& each) { return each.path == file.path; });
    if (same == line.files.end())
      line.files.push_back(file);
    else
      same->places += file.places;
  }

  const driver::Driver& driver_;
  kernel::Facts& facts_;
  transform::SourceTree& tree_;
  const std::set<std::string>& accepted_;
  const std::vector<std::string>& modules_;
  ConditionMatches& matches_;
};

}  // namespace

std::string_view decision_name(Decision decision) {
  switch (decision) {
    case Decision::applies:
      return "applies";
    case Decision::not_needed:
      return "not needed";
    case Decision::already_fixed:
      return "already fixed";
    case Decision::needs_consent:
      return "needs consent";
    case Decision::cannot:
      return "cannot";
  }
  return "";
}

bool Plan::has(Decision decision) const {
  return std::any_of(lines.begin(), lines.end(), [&](const PlanLine& line) { return line.decision == decision; });
}

std::vector<const PlanLine*> Plan::applied() const {
  std::vector<const PlanLine*> all;
  for (const auto& line : lines)
    if (line.decision == Decision::applies) all.push_back(&line);
  return all;
}

std::vector<const PlanLine*> blocking(const Plan& plan, Strict strict) {
  std::vector<const PlanLine*> all;
  for (const auto& line : plan.lines) {
    const bool cannot = line.decision == Decision::cannot &&
                        (strict == Strict::all || (strict == Strict::run_time && !line.recipe->run_time.empty()));
    const bool unproven =
        line.decision == Decision::applies && strict == Strict::run_time && line.recipe->adapted == Adapted::compiles;
    if (cannot || unproven) all.push_back(&line);
  }
  return all;
}

Result<Plan> make_plan(const Catalogue& catalogue, const driver::Driver& driver, kernel::Facts& facts,
                       transform::SourceTree& tree, const std::set<std::string>& accepted,
                       const std::vector<std::string>& modules) {
  Plan plan;
  // Drivers of unit tests have no content hash.
  const auto& cache = facts.kernel().host.cache;
  ConditionMatches matches(facts.kernel().version,
                           cache.empty() || driver.content.empty() ? fs::path() : cache / "findings" / driver.content);
  Planner planner(driver, facts, tree, accepted, modules, matches);
  TRY(planner.prefetch(catalogue));
  for (const auto& recipe : catalogue.recipes()) {
    PlanLine line;
    line.recipe = &recipe;
    TRY(planner.decide(recipe, line));
    plan.lines.push_back(std::move(line));
  }
  matches.save();
  return plan;
}

Result<PlanLine> plan_recipe(const Recipe& recipe, const driver::Driver& driver, kernel::Facts& facts,
                             transform::SourceTree& tree, const std::set<std::string>& accepted) {
  PlanLine line;
  line.recipe = &recipe;
  ConditionMatches matches(facts.kernel().version);
  const std::vector<std::string> all;
  TRY(Planner(driver, facts, tree, accepted, all, matches).decide(recipe, line));
  return line;
}

}  // namespace vgpukit::recipe
