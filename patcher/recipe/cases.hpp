// The test of a recipe: tests/ID.yaml beside the recipe. Each case gives the kernel's answers, the driver's files and
// the expected result. The planner runs on these answers, so that neither a kernel nor a compiler is needed.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "recipe/plan.hpp"

namespace vgpukit::recipe {

struct RecipeCase {
  std::string name;
  std::map<std::string, bool> facts;  // Question::key() -> answer; all facts of the recipe's conditions
  Version kernel, driver;
  driver::Flavour flavour = driver::Flavour::general;
  std::map<std::string, std::string> before, after;  // path -> text; `after`: the changed files, if it applies
  Decision result = Decision::applies;
  std::string reason;  // a part of the plan's reason; empty for `applies`
  SourcePos where;
};

// The path of the recipe's test.
std::filesystem::path cases_file(const Recipe& recipe);

// Error: usage, with file, line and column, for an unknown key, a fact that is not of the recipe, a missing fact, and a
// case without files or without exactly one result.
Result<std::vector<RecipeCase>> parse_cases(const std::string& yaml, const std::string& file, const Recipe& recipe);

// Plans the recipe on the case's kernel and driver, for the files in `tree`. Consent is given unless the case expects
// that it is needed.
Result<PlanLine> plan_case(const Recipe& recipe, const RecipeCase& one, transform::SourceTree& tree);

struct CaseOutcome {
  std::string problem;  // empty if the case passes
  std::string diff;     // of the files: - expected, + got
  Decision decision = Decision::applies;
  bool by_kernel = false;       // PlanLine::by_kernel
  std::set<std::size_t> steps;  // the indices of the recipe's steps that changed something
};
// Runs the recipe on the case's files, and again on its own result, which must change nothing.
CaseOutcome run_case(const Recipe& recipe, const RecipeCase& one);

// What the cases do not test, a clause each: there is no case that applies, none where the kernel does not need the
// recipe, a step changes nothing in any case.
std::vector<std::string> untested(const Recipe& recipe, const std::vector<CaseOutcome>& outcomes);

}  // namespace vgpukit::recipe
