#include <unistd.h>

#include "cli/recipe_command.hpp"
#include "recipe/cases.hpp"
#include "support/atomic_file.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

namespace {

struct Tally {
  std::size_t recipes = 0, passed = 0, failed = 0, untested = 0;
  nlohmann::json document = nlohmann::json::array();
};

std::string place(const SourcePos& where) {
  return where.file + ":" + std::to_string(where.line);
}

// The test's lines, coloured as a diff is.
std::string indented(const std::string& text, const Style& style) {
  std::string all;
  for (const auto& line : lines_of(text))
    all += "        " +
           (line.starts_with('-')   ? style.red(line)
            : line.starts_with('+') ? style.green(line)
                                    : line) +
           "\n";
  return all;
}

void broken(const std::string& id, const Error& error, const Globals& globals, Tally& tally) {
  ++tally.failed;
  const auto style = style_of(globals, STDOUT_FILENO);
  tally.document.push_back({{"id", id},
                            {"cases", nlohmann::json::array()},
                            {"untested", nlohmann::json::array()},
                            {"error", error.message()}});
  if (!globals.json()) print(style.red("FAILED") + "   " + style.bold(id) + "\n" + wrapped(error.message(), 8));
}

void test_recipe(const recipe::Recipe& recipe, const Globals& globals, Tally& tally) {
  ++tally.recipes;
  const auto style = style_of(globals, STDOUT_FILENO);
  const auto file = recipe::cases_file(recipe);
  std::error_code ignored;
  if (!fs::exists(file, ignored)) {
    ++tally.untested;
    tally.document.push_back({{"id", recipe.id},
                              {"cases", nlohmann::json::array()},
                              {"untested", {"there is no " + file.string()}},
                              {"error", ""}});
    if (!globals.json())
      print(style.yellow("untested") + " " + style.bold(recipe.id) + ": there is no " + file.string() + "\n");
    return;
  }
  const auto text = read_file(file);
  const auto cases =
      text ? recipe::parse_cases(*text, file.string(), recipe) : Result<std::vector<recipe::RecipeCase>>(text.error());
  if (!cases) return broken(recipe.id, cases.error(), globals, tally);
  nlohmann::json lines = nlohmann::json::array();
  std::vector<recipe::CaseOutcome> outcomes;
  for (const auto& one : *cases) {
    auto outcome = recipe::run_case(recipe, one);
    const bool passed = outcome.problem.empty();
    ++(passed ? tally.passed : tally.failed);
    lines.push_back({{"name", one.name},
                     {"file", one.where.file},
                     {"line", one.where.line},
                     {"result", passed ? "passed" : "failed"},
                     {"problem", outcome.problem},
                     {"diff", outcome.diff}});
    if (!globals.json()) {
      print((passed ? style.green("ok") + "      " : style.red("FAILED") + "  ") + " " + style.bold(recipe.id) + ": " +
            one.name + (passed ? "" : " (" + place(one.where) + ")") + "\n");
      if (!passed) print(wrapped(outcome.problem, 8) + indented(outcome.diff, style));
    }
    outcomes.push_back(std::move(outcome));
  }
  const auto open = recipe::untested(recipe, outcomes);
  if (!open.empty()) ++tally.untested;
  tally.document.push_back({{"id", recipe.id}, {"cases", lines}, {"untested", open}, {"error", ""}});
  if (globals.json()) return;
  for (const auto& clause : open) print(style.yellow("untested") + " " + style.bold(recipe.id) + ": " + clause + "\n");
}

// Tests without a recipe: a recipe was renamed and its test was not.
Status orphans(const Globals& globals, const recipe::Catalogue& catalogue, Tally& tally) {
  TRY_ASSIGN(const auto folders, recipe_folders(globals, !globals.no_shipped_recipes));
  for (const auto& folder : folders) {
    std::error_code ignored;
    if (!fs::is_directory(folder / "tests", ignored)) continue;
    TRY_ASSIGN(const auto files, recipe::recipe_files(folder / "tests"));
    for (const auto& file : files) {
      const auto* recipe = catalogue.find(file.stem().string());
      if (recipe && file.extension() == ".yaml") continue;
      broken(file.stem().string(),
             Error{ErrorKind::usage, "", "no recipe has the id that this test is named after",
                   "name it ID.yaml, or delete it", SourcePos{file.string(), 0, 0}},
             globals, tally);
    }
  }
  return {};
}

Result<Exit> test(const Globals& globals, const std::vector<std::string>& ids) {
  TRY_ASSIGN(const auto catalogue, catalogue_of(globals, !globals.no_shipped_recipes));
  std::vector<const recipe::Recipe*> chosen;
  for (const auto& id : ids) {
    const auto* recipe = catalogue.find(id);
    if (!recipe) return no_such_recipe(catalogue, "test the recipe '" + id + "'", id);
    chosen.push_back(recipe);
  }
  if (ids.empty())
    for (const auto& recipe : catalogue.recipes()) chosen.push_back(&recipe);
  Tally tally;
  for (const auto* recipe : chosen) test_recipe(*recipe, globals, tally);
  if (ids.empty()) TRY(orphans(globals, catalogue, tally));
  // A run without a test has not passed.
  const bool good = tally.failed == 0 && tally.passed > 0;
  if (globals.json()) {
    print_json(nlohmann::json{{"recipes", tally.document},
                              {"passed", tally.passed},
                              {"failed", tally.failed},
                              {"untested", tally.untested},
                              {"result", good ? "passed" : "failed"}});
  } else {
    print(std::to_string(tally.recipes) + " recipe(s): " + std::to_string(tally.passed) + " case(s) passed, " +
          std::to_string(tally.failed) + " failed" +
          (tally.untested ? "; " + std::to_string(tally.untested) + " recipe(s) not fully tested" : "") + "\n");
  }
  return good ? Exit::done : Exit::failed;
}

}  // namespace

void add_recipe_test(CLI::App& app, Globals& globals, Action& action) {
  auto ids = std::make_shared<std::vector<std::string>>();
  auto* command = app.add_subcommand("test", "Run the recipes' own tests (tests/ID.yaml): no kernel, no compiler");
  command->add_option("ID", *ids, "Ids of recipes; default: all");
  command->callback([&globals, &action, ids] { action = [&globals, ids] { return test(globals, *ids); }; });
}

}  // namespace vgpukit::cli
