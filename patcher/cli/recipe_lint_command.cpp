#include <unistd.h>

#include <algorithm>

#include "cli/recipe_command.hpp"
#include "recipe/cases.hpp"
#include "recipe/lint_order.hpp"
#include "recipe/parse_recipe.hpp"
#include "support/atomic_file.hpp"

namespace vgpukit::cli {

namespace {

struct RecipeLintOptions {
  std::vector<std::string> names;  // ids or files; none: all
  std::string driver;
};

recipe::LintFinding finding_of(const Error& error, const fs::path& file) {
  return {true, file.stem().string(), error.why, error.next, error.where.value_or(SourcePos{file.string(), 0, 0})};
}

bool is_file(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".yaml") || name.ends_with(".yml");
}

class Lint {
 public:
  Lint(const Globals& globals, const RecipeLintOptions& options) : globals_(globals), options_(options) {}

  Result<Exit> run() {
    TRY(read());
    for (const auto& name : options_.names)
      if (!is_file(name) && !by_id_.contains(name) && !broken_.contains(name)) return unknown(name);
    std::vector<std::string_view> ids;
    for (const auto& [id, recipe] : by_id_) ids.emplace_back(id);
    for (const auto& [id, recipe] : by_id_) {
      for (auto& finding : recipe::lint_recipe(recipe, ids)) add(std::move(finding));
      tests(recipe);
    }
    TRY(order());
    cycles();
    return report();
  }

 private:
  // A file that cannot be parsed does not stop the check: one run lists all faults.
  Status read() {
    TRY_ASSIGN(const auto data, shipped_data());
    TRY_ASSIGN(const auto folders, recipe_folders(globals_, !globals_.no_shipped_recipes));
    const auto patches_of = [&](const fs::path& folder) {
      std::error_code ignored;
      return fs::is_directory(folder / "patches", ignored) ? folder / "patches" : data / "patches";
    };
    for (const auto& folder : folders) {
      TRY_ASSIGN(const auto files, recipe::recipe_files(folder));
      std::set<std::string> here;
      for (const auto& file : files) TRY(read_one(file, patches_of(folder), &here));
    }
    for (const auto& name : options_.names)
      if (is_file(name)) TRY(read_one(name, patches_of(fs::path(name).parent_path()), nullptr));
    return {};
  }

  // `here`: the ids of this folder so far; nullptr for a file that was named, which may replace another recipe.
  Status read_one(const fs::path& file, const fs::path& patches, std::set<std::string>* here) {
    TRY_ASSIGN(const auto text, read_file(file));
    auto recipe = recipe::parse_recipe(text, file.string(), patches);
    if (!recipe) {
      broken_.insert(file.stem().string());
      if (!here) chosen_.insert(file.stem().string());
      add(finding_of(recipe.error(), file));
      return {};
    }
    if (here && !here->insert(recipe->id).second)
      add({true, recipe->id, "a second recipe with this id in the same folder", "give one of them another id",
           recipe->where});
    if (!here) chosen_.insert(recipe->id);
    auto id = recipe->id;
    by_id_.insert_or_assign(std::move(id), *std::move(recipe));
    return {};
  }

  [[nodiscard]] bool chosen(const std::string& id) const {
    return options_.names.empty() || chosen_.contains(id) ||
           std::find(options_.names.begin(), options_.names.end(), id) != options_.names.end();
  }

  void add(recipe::LintFinding finding) {
    if (chosen(finding.recipe)) findings_.push_back(std::move(finding));
  }

  [[nodiscard]] Error unknown(const std::string& name) const {
    return Error{ErrorKind::usage, "check the recipe '" + name + "'", "no recipe has that id",
                 "vgpukit recipe list shows all ids"};
  }

  // Checks that the recipe has a test, and adds its code for order().
  void tests(const recipe::Recipe& recipe) {
    const auto file = recipe::cases_file(recipe);
    std::error_code ignored;
    if (!fs::exists(file, ignored))
      return add({false, recipe.id, "it has no test", "write " + file.string() + " (docs/guides/writing-a-recipe.md)",
                  recipe.where});
    const auto text = read_file(file);
    const auto cases = text ? recipe::parse_cases(*text, file.string(), recipe)
                            : Result<std::vector<recipe::RecipeCase>>(text.error());
    if (!cases) {
      auto finding = finding_of(cases.error(), file);
      finding.recipe = recipe.id;
      return add(std::move(finding));
    }
    for (const auto& one : *cases)
      if (one.result == recipe::Decision::applies)
        trees_.push_back(
            {"in the test of " + recipe.id + ", \"" + one.name + "\"", transform::SourceTree::of(one.before)});
  }

  Status order() {
    if (!options_.driver.empty()) {
      TRY_ASSIGN(const auto host, host_of(globals_));
      TRY_ASSIGN(const auto driver, driver_of(globals_, host, options_.driver));
      TRY_ASSIGN(auto tree, transform::SourceTree::open(driver.sources));
      trees_.push_back({"in the driver " + options_.driver, std::move(tree)});
    }
    std::vector<const recipe::Recipe*> recipes;
    for (const auto& [id, recipe] : by_id_) recipes.push_back(&recipe);
    for (auto& finding : recipe::lint_order(recipes, trees_)) add(std::move(finding));
    return {};
  }

  // Cycles of `after`. Moves the recipes into a catalogue, which finds them.
  void cycles() {
    std::vector<recipe::Recipe> all;
    const bool known = std::all_of(by_id_.begin(), by_id_.end(), [&](const auto& entry) {
      return std::all_of(entry.second.after.begin(), entry.second.after.end(),
                         [&](const auto& id) { return by_id_.contains(id); });
    });
    if (!known) return;
    for (auto& [id, recipe] : by_id_) all.push_back(std::move(recipe));
    by_id_.clear();
    if (const auto catalogue = recipe::Catalogue::of(std::move(all)); !catalogue)
      findings_.push_back(finding_of(catalogue.error(), catalogue.error().where ? catalogue.error().where->file : ""));
  }

  Exit report() const {
    const auto errors =
        std::count_if(findings_.begin(), findings_.end(), [](const recipe::LintFinding& each) { return each.error; });
    const auto warnings = static_cast<std::ptrdiff_t>(findings_.size()) - errors;
    const auto code = errors ? Exit::failed : Exit::done;
    if (globals_.json()) {
      nlohmann::json all = nlohmann::json::array();
      for (const auto& each : findings_)
        all.push_back({{"severity", each.error ? "error" : "warning"},
                       {"recipe", each.recipe},
                       {"file", each.where.file},
                       {"line", each.where.line},
                       {"column", each.where.column},
                       {"message", each.what},
                       {"hint", each.next}});
      print_json(nlohmann::json{{"findings", all}, {"errors", errors}, {"warnings", warnings}});
      return code;
    }
    const auto style = style_of(globals_, STDOUT_FILENO);
    for (const auto& each : findings_) {
      std::string place = each.where.file;
      if (each.where.line > 0) place += ":" + std::to_string(each.where.line);
      if (each.where.line > 0 && each.where.column > 0) place += ":" + std::to_string(each.where.column);
      print(place + ": " + (each.error ? style.red("error: ") : style.yellow("warning: ")) + each.what + "\n");
      if (!each.next.empty()) print(wrapped(each.next, 4));
    }
    print(std::to_string(errors) + " error(s), " + std::to_string(warnings) + " warning(s)\n");
    return code;
  }

  const Globals& globals_;
  const RecipeLintOptions& options_;
  std::map<std::string, recipe::Recipe> by_id_;
  std::set<std::string> broken_;  // stems of files that do not parse
  std::set<std::string> chosen_;  // ids of the files that were named
  std::vector<recipe::LintTree> trees_;
  std::vector<recipe::LintFinding> findings_;
};

}  // namespace

void add_recipe_lint(CLI::App& app, Globals& globals, Action& action) {
  auto options = std::make_shared<RecipeLintOptions>();
  auto* command = app.add_subcommand("lint", "Check recipes for errors and doubtful parts");
  command->add_option("RECIPE", options->names, "Ids, or files; all recipes without one");
  command->add_option("--driver", options->driver,
                      "Also look in this driver's files for edits that depend on their order");
  command->callback(
      [&globals, &action, options] { action = [&globals, options] { return Lint(globals, *options).run(); }; });
}

}  // namespace vgpukit::cli
