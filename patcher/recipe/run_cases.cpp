#include <algorithm>

#include "recipe/cases.hpp"

namespace vgpukit::recipe {

namespace {

using Texts = std::map<std::string, std::string>;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

// All lines, marked: ' ' both, '-' expected, '+' got. Snippets are short: the whole file is the best context.
std::string line_diff(std::string_view expected, std::string_view got) {
  const auto a = lines_of(expected);
  const auto b = lines_of(got);
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

// The steps one after the other on a tree of their own: which of them change something.
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
  Run(const Recipe& recipe, const RecipeCase& one) : recipe_(recipe), case_(one) {
    driver_.version = one.driver;
    driver_.flavour = one.flavour;
    // Consent is given but where the case is about its absence.
    if (recipe.notice && one.result != Decision::needs_consent) accepted_.insert(recipe.notice->name);
  }

  CaseOutcome run() {
    CaseOutcome outcome;
    auto tree = transform::SourceTree::of(case_.before);
    const auto line = plan(tree);
    if (!line) {
      outcome.problem = line.error().message();
      return outcome;
    }
    outcome.decision = line->decision;
    outcome.reason = line->reason;
    const auto got = texts_of(tree);
    auto expected = case_.before;
    for (const auto& [path, text] : case_.after) expected[path] = text;
    outcome.diff = texts_diff(expected, got);
    if (line->decision != case_.result)
      outcome.problem = "expected: " + std::string(decision_name(case_.result)) +
                        "; got: " + std::string(decision_name(line->decision)) + ", " + line->reason;
    else if (line->reason.find(case_.reason) == std::string::npos)
      outcome.problem = "the reason is not the expected one: " + line->reason;
    else if (!outcome.diff.empty())
      outcome.problem = "the files are not the expected ones";
    if (line->decision != Decision::applies) return outcome;
    outcome.steps = changing_steps(recipe_, case_.before);
    if (outcome.problem.empty()) again(got, outcome);
    return outcome;
  }

 private:
  Result<PlanLine> plan(transform::SourceTree& tree) const {
    kernel::Kernel kernel;
    kernel.version = case_.kernel;
    kernel.release = case_.kernel.text;
    kernel::Facts facts(std::move(kernel), case_.facts);
    return plan_recipe(recipe_, driver_, facts, tree, accepted_);
  }

  // The recipe on its own result: there must be nothing left to do, for the plan and for each step.
  void again(const Texts& texts, CaseOutcome& outcome) const {
    auto tree = transform::SourceTree::of(texts);
    const auto line = plan(tree);
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
  driver::Driver driver_;
  std::set<std::string> accepted_;
};

}  // namespace

CaseOutcome run_case(const Recipe& recipe, const RecipeCase& one) {
  return Run(recipe, one).run();
}

std::vector<std::string> untested(const Recipe& recipe, const std::vector<CaseOutcome>& outcomes) {
  std::vector<std::string> open;
  const auto none = [&](auto wanted) { return std::none_of(outcomes.begin(), outcomes.end(), wanted); };
  const auto by_kernel = [](const CaseOutcome& each) {
    return each.decision == Decision::not_needed &&
           (each.reason.starts_with("this kernel ") || each.reason.starts_with("for kernels "));
  };
  if (none([](const CaseOutcome& each) { return each.decision == Decision::applies; }))
    open.emplace_back("no case where it applies");
  const bool asks = recipe.kernel_versions || !recipe.kernel.empty() || !recipe.kernel_any.empty();
  if (asks && none(by_kernel)) open.emplace_back("no case where the kernel does not need it");
  if (!recipe.fixed.empty()) {
    if (none([](const CaseOutcome& each) { return each.decision == Decision::already_fixed; }))
      open.emplace_back("no case where the driver brings its own fix");
  } else if (none([&](const CaseOutcome& each) {
               return each.decision == Decision::already_fixed ||
                      (each.decision == Decision::not_needed && !by_kernel(each));
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
