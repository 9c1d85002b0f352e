#include "recipe/cases.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "support/text.hpp"
#include "support/yaml_reader.hpp"

namespace vgpukit::recipe {

namespace {

constexpr std::array<std::pair<std::string_view, Decision>, 4> refusals = {{{"not-needed", Decision::not_needed},
                                                                            {"already-fixed", Decision::already_fixed},
                                                                            {"needs-consent", Decision::needs_consent},
                                                                            {"cannot", Decision::cannot}}};

// The name of a fact in a test: as for --assume, but a snippet's is "compiles " and its `about`.
std::string fact_name(const KernelCondition& condition) {
  return condition.question.kind == kernel::Question::Kind::compiles ? "compiles " + condition.about
                                                                     : condition.question.key();
}

class CaseParser {
 public:
  CaseParser(const std::string& file, const Recipe& recipe) : yaml_(file), recipe_(recipe) {
    for (const auto* group : {&recipe.kernel, &recipe.kernel_any})
      for (const auto& condition : *group) {
        keys_.emplace(fact_name(condition), condition.question.key());
        if (!condition.question.of.empty()) forms_.insert(fact_name(condition));
      }
  }

  Result<std::vector<RecipeCase>> parse(const std::string& text) {
    TRY_ASSIGN(const auto root, yaml_.parse(text));
    TRY(yaml_.check_keys(root, "a recipe's test", {"kernel", "driver", "cases"}, {"cases"}));
    RecipeCase common;
    if (root["kernel"]) TRY(kernel(root["kernel"], common));
    if (root["driver"]) TRY(driver(root["driver"], common));
    if (!root["cases"].is_sequence() || root["cases"].size() == 0)
      return yaml_.expected(root["cases"], "a list of cases");
    std::vector<RecipeCase> all;
    for (const auto& node : root["cases"].items()) {
      TRY_ASSIGN(auto one, a_case(node, common));
      const auto same =
          std::find_if(all.begin(), all.end(), [&](const RecipeCase& other) { return other.name == one.name; });
      if (same != all.end()) return yaml_.wrong(node, "a second case with the name '" + one.name + "'");
      all.push_back(std::move(one));
    }
    return all;
  }

 private:
  Result<RecipeCase> a_case(const YamlNode& node, const RecipeCase& common) const {
    TRY(yaml_.check_keys(
        node, "a case",
        {"name", "kernel", "driver", "before", "after", "not-needed", "already-fixed", "needs-consent", "cannot"},
        {"name", "before"}));
    RecipeCase one = common;
    one.where = yaml_.at(node);
    TRY_ASSIGN(one.name, yaml_.text(node["name"], "name"));
    if (node["kernel"]) TRY(kernel(node["kernel"], one));
    if (node["driver"]) TRY(driver(node["driver"], one));
    for (const auto& [name, key] : keys_)
      if (!one.facts.contains(key))
        return yaml_.wrong(node, "the recipe asks '" + name + "', and no answer is given",
                           "add it to 'kernel:' of the test or of the case: " + name + ": yes (or no)");
    if (recipe_.kernel_versions && one.kernel.text.empty())
      return yaml_.wrong(node, "the recipe asks for the kernel's version, and none is given",
                         "kernel: {version: \"6.12.1\"}");
    if (recipe_.driver.versions && one.driver.text.empty())
      return yaml_.wrong(node, "the recipe asks for the driver's version, and none is given",
                         "driver: {version: 535.161.05}");
    TRY(files(node["before"], "before", one.before));
    int outcomes = 0;
    if (node["after"]) {
      ++outcomes;
      one.result = Decision::applies;
      TRY(files(node["after"], "after", one.after));
    }
    for (const auto& [key, decision] : refusals) {
      const auto reason = node[std::string(key)];
      if (!reason) continue;
      ++outcomes;
      one.result = decision;
      TRY_ASSIGN(one.reason, yaml_.text(reason, key));
    }
    if (outcomes != 1)
      return yaml_.wrong(
          node, outcomes == 0 ? "the case has no result" : "the case has more than one result",
          "give it 'after' (the files), or one of not-needed, already-fixed, needs-consent, cannot (a part of the "
          "reason)");
    return one;
  }

  Status kernel(const YamlNode& node, RecipeCase& into) const {
    if (!node.is_map()) return yaml_.expected(node, "a map of facts for kernel");
    std::vector<std::string_view> known = {"version"};
    for (const auto& [name, key] : keys_) known.push_back(name);
    TRY(yaml_.check_keys(node, "the facts that this recipe asks", known, {}));
    for (const auto& pair : node.entries()) {
      const std::string name = pair.first.scalar();
      TRY_ASSIGN(const auto word, yaml_.text(pair.second, name));
      if (name == "version") {
        TRY_ASSIGN(into.kernel, version(pair.second, word));
        continue;
      }
      const bool form = forms_.contains(name);
      if (word != "yes" && word != "no" && !(form && word == "absent"))
        return yaml_.expected(pair.second, form ? "yes, no or absent" : "yes or no");
      into.facts[keys_.at(name)] = word == "yes";
      if (form) into.facts["absent " + keys_.at(name)] = word == "absent";
    }
    return {};
  }

  Status driver(const YamlNode& node, RecipeCase& into) const {
    TRY(yaml_.check_keys(node, "driver", {"version", "flavour"}, {}));
    if (node["version"]) {
      TRY_ASSIGN(const auto word, yaml_.text(node["version"], "version"));
      TRY_ASSIGN(into.driver, version(node["version"], word));
    }
    if (node["flavour"]) {
      TRY_ASSIGN(const auto word, yaml_.text(node["flavour"], "flavour"));
      const auto flavour = driver::flavour_from(word);
      if (!flavour)
        return yaml_.wrong(node["flavour"], "'" + word + "' is not a flavour", "known: vgpu-kvm, grid, general, open");
      into.flavour = *flavour;
    }
    return {};
  }

  Result<Version> version(const YamlNode& node, const std::string& word) const {
    auto parsed = Version::parse(word);
    if (!parsed) return yaml_.expected(node, "a version, digits and dots,");
    return *std::move(parsed);
  }

  Status files(const YamlNode& node, std::string_view what, std::map<std::string, std::string>& into) const {
    if (!node.is_map() || node.size() == 0)
      return yaml_.expected(node, "a map of paths and texts for " + std::string(what));
    for (const auto& pair : node.entries()) {
      if (!pair.first.is_scalar() || pair.first.scalar().empty()) return yaml_.expected(pair.first, "a path");
      if (!pair.second.is_scalar()) return yaml_.expected(pair.second, "the text of " + pair.first.scalar());
      if (!into.emplace(pair.first.scalar(), pair.second.scalar()).second)
        return yaml_.wrong(pair.first, "the file " + pair.first.scalar() + " appears twice in " + std::string(what));
    }
    return {};
  }

  YamlReader yaml_;
  const Recipe& recipe_;
  std::map<std::string, std::string> keys_;  // fact_name() -> Question::key()
  std::set<std::string> forms_;              // the fact_name() of questions that may be answered with absent
};

using Texts = std::map<std::string, std::string>;

// The lines with their newlines.
std::vector<std::string_view> lines_with_ends(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

// All lines, marked: ' ' both, '-' expected, '+' got. Snippets are short, so that the whole file is shown.
std::string line_diff(std::string_view expected, std::string_view got) {
  const auto a = lines_with_ends(expected);
  const auto b = lines_with_ends(got);
  std::vector<std::vector<std::size_t>> common(a.size() + 1, std::vector<std::size_t>(b.size() + 1, 0));
  for (std::size_t i = a.size(); i-- > 0;)
    for (std::size_t j = b.size(); j-- > 0;)
      common[i][j] = a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
  std::string text;
  const auto add = [&](char mark, std::string_view line) {
    text += mark;
    text += line;
    if (!line.ends_with('\n')) text += "\n\\ no newline at the end\n";
  };
  std::size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      add(' ', a[i]);
      ++i, ++j;
    } else if (j == b.size() || (i < a.size() && common[i + 1][j] >= common[i][j + 1])) {
      add('-', a[i++]);
    } else {
      add('+', b[j++]);
    }
  }
  return text;
}

Texts texts_of(const transform::SourceTree& tree) {
  Texts texts;
  for (const auto& path : tree.files())
    if (const auto text = tree.read(path)) texts.emplace(path, *text);
  return texts;
}

std::string texts_diff(const Texts& expected, const Texts& got) {
  std::string diff;
  for (const auto& [path, text] : expected) {
    const auto found = got.find(path);
    if (found == got.end())
      diff += "--- " + path + " (expected)\n+++ no such file\n";
    else if (found->second != text)
      diff += "--- " + path + " (expected)\n+++ " + path + " (got)\n" + line_diff(text, found->second);
  }
  for (const auto& [path, text] : got)
    if (!expected.contains(path)) diff += "--- no such file expected\n+++ " + path + " (got)\n" + line_diff("", text);
  return diff;
}

// Applies the steps one after the other: the indices of those that change something.
std::set<std::size_t> changing_steps(const Recipe& recipe, const Texts& texts) {
  std::set<std::size_t> changing;
  auto tree = transform::SourceTree::of(texts);
  for (std::size_t i = 0; i < recipe.steps.size(); ++i) {
    const auto before = tree.snapshot();
    if (!recipe.steps[i].transform->apply(tree))
      tree.restore(before);
    else if (tree.snapshot() != before)
      changing.insert(i);
  }
  return changing;
}

std::string step_name(const Recipe& recipe, std::size_t step) {
  return "step " + std::to_string(step + 1) + " (" + recipe.steps[step].transform->describe() + ")";
}

class Run {
 public:
  Run(const Recipe& recipe, const RecipeCase& one) : recipe_(recipe), case_(one) {}

  CaseOutcome run() {
    CaseOutcome outcome;
    auto tree = transform::SourceTree::of(case_.before);
    const auto line = plan_case(recipe_, case_, tree);
    if (!line) {
      outcome.problem = line.error().message();
      return outcome;
    }
    outcome.decision = line->decision;
    outcome.by_kernel = line->by_kernel;
    const auto got = texts_of(tree);
    auto expected = case_.before;
    for (const auto& [path, text] : case_.after) expected[path] = text;
    outcome.diff = texts_diff(expected, got);
    if (line->decision != case_.result)
      outcome.problem = "expected: " + std::string(decision_name(case_.result)) +
                        "; got: " + std::string(decision_name(line->decision)) + ", " + line->reason;
    else if (!contains(line->reason, case_.reason))
      outcome.problem = "the reason is not the expected one: " + line->reason;
    else if (!outcome.diff.empty())
      outcome.problem = "the files are not the expected ones";
    if (line->decision != Decision::applies) return outcome;
    outcome.steps = changing_steps(recipe_, case_.before);
    if (outcome.problem.empty()) run_again(got, outcome);
    return outcome;
  }

 private:
  // Applies the recipe to its own result: neither the plan nor a step may change anything.
  void run_again(const Texts& texts, CaseOutcome& outcome) const {
    auto tree = transform::SourceTree::of(texts);
    const auto line = plan_case(recipe_, case_, tree);
    if (!line) {
      outcome.problem = "on its own result: " + line.error().message();
    } else if (line->decision != Decision::not_needed && line->decision != Decision::already_fixed) {
      outcome.problem =
          "on its own result it says \"" + std::string(decision_name(line->decision)) + "\": " + line->reason;
      outcome.diff = texts_diff(texts, texts_of(tree));
    } else if (const auto steps = changing_steps(recipe_, texts); !steps.empty()) {
      outcome.problem = "on its own result " + step_name(recipe_, *steps.begin()) + " changes something again";
    }
  }

  const Recipe& recipe_;
  const RecipeCase& case_;
};

}  // namespace

fs::path cases_file(const Recipe& recipe) {
  return fs::path(recipe.where.file).parent_path() / "tests" / (recipe.id + ".yaml");
}

Result<std::vector<RecipeCase>> parse_cases(const std::string& yaml, const std::string& file, const Recipe& recipe) {
  return CaseParser(file, recipe).parse(yaml);
}

Result<PlanLine> plan_case(const Recipe& recipe, const RecipeCase& one, transform::SourceTree& tree) {
  driver::Driver driver;
  driver.version = one.driver;
  driver.flavour = one.flavour;
  kernel::Kernel kernel;
  kernel.version = one.kernel;
  kernel.release = one.kernel.text;
  kernel::Facts facts(std::move(kernel), one.facts);
  std::set<std::string> accepted;
  if (recipe.notice && one.result != Decision::needs_consent) accepted.insert(recipe.notice->name);
  return plan_recipe(recipe, driver, facts, tree, accepted);
}

CaseOutcome run_case(const Recipe& recipe, const RecipeCase& one) {
  return Run(recipe, one).run();
}

std::vector<std::string> untested(const Recipe& recipe, const std::vector<CaseOutcome>& outcomes) {
  std::vector<std::string> open;
  const auto none = [&](auto wanted) { return std::none_of(outcomes.begin(), outcomes.end(), wanted); };
  if (none([](const CaseOutcome& each) { return each.decision == Decision::applies; }))
    open.emplace_back("no case where it applies");
  const bool asks = recipe.kernel_versions || !recipe.kernel.empty() || !recipe.kernel_any.empty();
  if (asks && none([](const CaseOutcome& each) { return each.by_kernel; }))
    open.emplace_back("no case where the kernel does not need it");
  if (!recipe.fixed.empty()) {
    if (none([](const CaseOutcome& each) { return each.decision == Decision::already_fixed; }))
      open.emplace_back("no case where the driver brings its own fix");
  } else if (none([&](const CaseOutcome& each) {
               return each.decision == Decision::already_fixed ||
                      (each.decision == Decision::not_needed && !each.by_kernel);
             })) {
    open.emplace_back("no case where the driver lacks the construct");
  }
  if (recipe.notice && none([](const CaseOutcome& each) { return each.decision == Decision::needs_consent; }))
    open.emplace_back("no case without consent");
  for (std::size_t i = 0; i < recipe.steps.size(); ++i)
    if (none([&](const CaseOutcome& each) { return each.steps.contains(i); }))
      open.push_back(step_name(recipe, i) + " changes nothing in any case");
  return open;
}

}  // namespace vgpukit::recipe
