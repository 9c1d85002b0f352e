#include "cli/plan_text.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>

#include "build/report_parts.hpp"
#include "history/history.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

namespace {

using recipe::Decision;

std::string heading(Decision state, const Style& style) {
  const std::string name(recipe::decision_name(state));
  if (state == Decision::applies) return style.green(name);
  if (state == Decision::cannot) return style.red(name);
  if (state == Decision::needs_consent) return style.yellow(name);
  return style.dim(name);
}

// Whether the driver can be built, what stops it, and how many recipes there are of each state.
std::string summary_text(const std::vector<build::BuildReport::RecipePart>& recipes,
                         const std::vector<build::BuildReport::CheckPart>& checks,
                         const std::vector<build::BuildReport::NoticePart>& notices, std::size_t warnings,
                         const Style& style) {
  std::string refused, accept, cannot;
  for (const auto& check : checks)
    if (check.notice.empty()) append(refused, check.check);
  for (const auto& notice : notices)
    if (!contains(accept + " ", "--accept " + notice.name + " ")) accept += " --accept " + notice.name;
  std::map<Decision, unsigned> counts;
  for (const auto& recipe : recipes) {
    ++counts[recipe.state];
    if (recipe.state == Decision::cannot) append(cannot, recipe.id);
  }
  std::string text;
  const auto result = [&](const std::string& line) { text += "  result:  " + line + "\n"; };
  if (!refused.empty()) result(style.red("cannot be built: the driver refuses this kernel (" + refused + ")"));
  if (!accept.empty()) result(style.yellow("needs your consent:" + accept));
  if (!cannot.empty()) result(style.yellow("may not compile: a change cannot be made (" + cannot + ")"));
  if (text.empty()) result(style.green("nothing stops vgpukit build"));
  std::string numbers;
  for (const auto& [state, words] : {std::pair{Decision::applies, "to apply"},
                                     {Decision::needs_consent, "to apply with consent"},
                                     {Decision::cannot, "cannot be applied"},
                                     {Decision::already_fixed, "already in the driver"},
                                     {Decision::not_needed, "not needed"}})
    if (counts.contains(state)) append(numbers, std::to_string(counts[state]) + " " + words);
  text += "  recipes: " + (numbers.empty() ? "none" : numbers) + "\n";
  return warnings == 0 ? text : text + "  warnings: " + std::to_string(warnings) + ", below\n";
}

}  // namespace

std::string recipes_text(const std::vector<build::BuildReport::RecipePart>& recipes, const Style& style, bool brief) {
  std::string text;
  // Recipes that change something, or should and do not, are printed in full, the others in a line each.
  for (const Decision state : {Decision::applies, Decision::needs_consent, Decision::cannot}) {
    for (const auto& recipe : recipes) {
      if (recipe.state != state) continue;
      text += "\n  " + heading(recipe.state, style) + "  " + style.bold(recipe.id) + "\n";
      text += wrapped(recipe.summary, 4);
      if (!brief || recipe.state == Decision::cannot) text += wrapped("why: " + recipe.reason, 4);
      if (recipe.state == Decision::cannot)
        text += wrapped("concerns: " + (recipe.files.empty() ? "the driver" : join(recipe.files, ", ")) +
                            "; the compiler decides whether it is needed (--strict: an error)",
                        4);
      else if (!recipe.files.empty())
        text += wrapped("changes: " + join(recipe.files, ", "), 4);
    }
  }
  std::map<Decision, unsigned> counts;
  std::size_t width = 0;
  for (const auto& recipe : recipes) {
    if (recipe.state != Decision::already_fixed && recipe.state != Decision::not_needed) continue;
    ++counts[recipe.state];
    width = std::max(width, recipe.id.size());
  }
  if (brief) {
    std::string line;
    for (const Decision state : {Decision::already_fixed, Decision::not_needed})
      if (counts.contains(state))
        append(line, std::to_string(counts[state]) + " " + std::string(recipe::decision_name(state)));
    if (!line.empty()) text += "\n" + style.dim("  other recipes: " + line + " (vgpukit plan shows why)") + "\n";
    return text;
  }
  for (const Decision state : {Decision::already_fixed, Decision::not_needed}) {
    if (!counts.contains(state)) continue;
    text += "\n  " + heading(state, style) + "\n";
    for (const auto& recipe : recipes) {
      if (recipe.state != state) continue;
      auto reason = wrapped(recipe.reason, width + 6);
      reason.replace(0, std::min(reason.size(), width + 6),
                     "    " + recipe.id + std::string(width + 2 - recipe.id.size(), ' '));
      text += reason;
    }
  }
  return text;
}

std::string checks_text(const std::vector<build::BuildReport::CheckPart>& checks, const Style& style) {
  std::string text;
  for (const auto& check : checks) {
    text += "\n  " +
            (check.accepted         ? style.yellow("refused by the driver, accepted")
             : check.notice.empty() ? style.red("refused by the driver")
                                    : style.yellow("refused by the driver")) +
            "  " + style.bold(check.check) + ": " + check.says + "\n" + wrapped(check.means, 4);
    text += wrapped(check.accepted ? check.notice + " was accepted: " + check.variable + "=1" : "-> " + check.next, 4);
  }
  return text;
}

std::string notices_text(const std::vector<build::BuildReport::NoticePart>& notices, const Style& style) {
  std::string text;
  std::string flags;
  for (const auto& notice : notices) {
    text += "\n" + style.yellow("consent needed: " + notice.name) + " (" +
            (notice.recipe.empty() ? "the driver's own check" : "recipe " + notice.recipe) + ")\n" +
            wrapped(notice.text, 2);
    if (!contains(flags, "--accept " + notice.name)) flags += " --accept " + notice.name;
  }
  return text + "\nTo go on, add" + flags +
         ", or put the names under 'accept:' in the configuration file. Nothing was built.\n";
}

std::string facts_text(const kernel::Facts& facts, const Style& style) {
  std::string text;
  const auto report = facts.report();
  std::size_t width = 0;
  for (const auto& [question, answer] : report)
    width = std::max(width, std::min<std::size_t>(question.key().size(), 60));
  for (const auto& [question, answer] : report) {
    const auto key = question.key();
    text += "  " + key + std::string(key.size() < width ? width - key.size() : 0, ' ') + "  " +
            (answer.yes      ? style.green("yes")
             : answer.absent ? style.yellow("absent")
                             : style.yellow("no ")) +
            "  " + style.dim(answer.assumed ? "assumed (--assume)" : answer.evidence) + "\n";
  }
  return text;
}

nlohmann::json facts_json(const kernel::Facts& facts) {
  nlohmann::json all = nlohmann::json::array();
  for (const auto& [question, answer] : facts.report())
    all.push_back({{"fact", question.key()},
                   {"answer", answer.yes},
                   {"absent", answer.absent},
                   {"evidence", answer.evidence},
                   {"cached", answer.cached},
                   {"assumed", answer.assumed}});
  return all;
}

Exit print_refused(const Globals& globals, const build::BuildReport& report, const std::string& so) {
  const auto style = style_of(globals, STDOUT_FILENO);
  if (globals.json()) {
    print_json(report);
  } else if (report.result == build::BuildReport::Result::consent) {
    print(notices_text(report.notices, style));
  } else {
    print(recipes_text(report.recipes, style, /*brief=*/true) + style.red("not built") + " for " +
          report.kernel.release + ", so " + so + "; vgpukit build shows all. The first of " +
          std::to_string(report.errors.size()) + " errors:\n");
    if (!report.errors.empty())
      print("  " + report.errors.front().file + ":" + std::to_string(report.errors.front().line) + ": " +
            report.errors.front().message + "\n" + wrapped("-> " + report.errors.front().hint, 4));
    if (!report.log.empty()) print("log: " + report.log + "\n");
  }
  return report.result == build::BuildReport::Result::consent ? Exit::consent : Exit::failed;
}

Result<ShownPlan> show_plan(const Globals& globals, const driver::Driver& driver, kernel::Facts& facts,
                            const recipe::Catalogue& catalogue, const std::set<std::string>& accepted,
                            const PlanExtras& extras) {
  const auto& kernel = facts.kernel();
  TRY_ASSIGN(auto tree, transform::SourceTree::open(driver.sources));
  TRY_ASSIGN(const auto plan, recipe::make_plan(catalogue, driver, facts, tree, accepted, extras.modules));
  std::string diff;
  if (extras.diff) {
    TRY_ASSIGN(const auto history, history::record_history({}, driver, kernel, tree, plan));
    TRY_ASSIGN(diff, history.diff(0, history.commits().size() - 1));
  }
  TRY_ASSIGN(const auto checks, conftest::run_driver_checks(facts, tree, accepted));
  const bool asks = plan.has(recipe::Decision::needs_consent) || conftest::needs_consent(checks);
  const auto code = conftest::refuses(checks)                             ? Exit::failed
                    : asks                                                ? Exit::consent
                    : extras.strict && plan.has(recipe::Decision::cannot) ? Exit::failed
                                                                          : Exit::done;
  if (globals.json()) {
    nlohmann::json document = {
        {"driver",
         {{"version", driver.version.text},
          {"flavour", driver::flavour_name(driver.flavour)},
          {"path", driver.path.string()}}},
        {"kernel",
         {{"release", kernel.release}, {"compiler", kernel.compiler.text}, {"root", kernel.host.root.string()}}},
        {"recipes", build::recipe_parts(plan)},
        {"checks", build::check_parts(checks)},
        {"notices", build::notice_parts(plan, checks)},
        {"warnings", build::doubt_parts(plan)}};
    if (extras.diff) document["diff"] = diff;
    if (extras.facts) document["facts"] = facts_json(facts);
    return ShownPlan{code, std::move(document)};
  }
  const auto style = style_of(globals, STDOUT_FILENO);
  const auto recipes = build::recipe_parts(plan);
  const auto notices = build::notice_parts(plan, checks);
  const auto doubts = build::doubt_parts(plan);
  print(style.bold("Plan for NVIDIA " + driver.version.text + " (" + std::string(driver::flavour_name(driver.flavour)) +
                   ") on " + kernel.release) +
        "\n" +
        summary_text(recipes, build::check_parts(checks),
                     asks ? notices : std::vector<build::BuildReport::NoticePart>{}, doubts.size(), style) +
        "  driver:  " + driver.path.string() + "\n  kernel:  " + kernel.build.string() +
        (kernel.host.is_host() ? "" : " in " + kernel.host.root.string()) + ", " + kernel.compiler.text + "\n");
  print(checks_text(build::check_parts(checks), style));
  print(recipes_text(recipes, style, /*brief=*/false));
  for (const auto& doubt : doubts)
    print("\n" + style.yellow("warning: ") + doubt.message + "\n" + wrapped("-> " + doubt.hint, 4));
  if (extras.facts) print("\nfacts about this kernel that were asked\n" + facts_text(facts, style));
  if (extras.diff) print("\n" + diff);
  if (code == Exit::consent) print(notices_text(notices, style));
  return ShownPlan{code, {}};
}

}  // namespace vgpukit::cli
