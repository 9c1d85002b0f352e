// A recipe's own test: tests/ID.yaml beside the recipe. Each case gives the kernel's answers and a driver's files, and
// says what comes out. No kernel and no compiler is needed: the real planner runs on facts that are given.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "recipe/plan.hpp"

namespace vgpukit::recipe {

struct RecipeCase {
  std::string name;
  std::map<std::string, bool> facts;  // Question::key() -> answer; every fact that the recipe asks is there
  Version kernel, driver;
  driver::Flavour flavour = driver::Flavour::general;
  std::map<std::string, std::string> before, after;  // path -> text; `after` holds the files that change (applies only)
  Decision result = Decision::applies;
  std::string reason;  // a part of the reason that the plan gives; empty for `applies`
  SourcePos where;
};

// Where the recipe's cases are expected: the folder tests/ beside its file.
std::filesystem::path cases_file(const Recipe& recipe);

// Error: usage with file, line and column: unknown keys, a fact that the recipe does not ask, one that it asks and that
// is not given, a case without files or without an outcome.
Result<std::vector<RecipeCase>> parse_cases(const std::string& yaml, const std::string& file, const Recipe& recipe);

struct CaseOutcome {
  std::string problem;  // empty: it came out as the case says
  std::string diff;     // of the files, - expected, + got
  Decision decision = Decision::applies;
  std::string reason;
  std::set<std::size_t> steps;  // which of the recipe's steps changed something
};
// Also runs the recipe on its own result, which must change nothing.
CaseOutcome run_case(const Recipe& recipe, const RecipeCase& one);

// What the cases leave open, a clause each: no case that applies, none where the kernel needs nothing, a step that no
// case uses ...
std::vector<std::string> untested(const Recipe& recipe, const std::vector<CaseOutcome>& outcomes);

}  // namespace vgpukit::recipe
