#include <unistd.h>

#include "cli/recipe_command.hpp"
#include "support/atomic_file.hpp"
#include "support/json_file.hpp"

namespace vgpukit::cli {

namespace {

Result<Exit> list_recipes(const Globals& globals) {
  TRY_ASSIGN(const auto catalogue, catalogue_of(globals, !globals.no_shipped_recipes));
  if (globals.json()) {
    nlohmann::json all = nlohmann::json::array();
    for (const auto& recipe : catalogue.recipes())
      all.push_back({{"id", recipe.id},
                     {"summary", recipe.summary},
                     {"notice", recipe.notice ? recipe.notice->name : ""},
                     {"file", recipe.where.file}});
    print_json(nlohmann::json{{"recipes", all}});
    return Exit::done;
  }
  const auto style = style_of(globals, STDOUT_FILENO);
  for (const auto& recipe : catalogue.recipes())
    print(style.bold(recipe.id) + (recipe.notice ? style.yellow("  needs --accept " + recipe.notice->name) : "") +
          "\n" + wrapped(recipe.summary, 4));
  return Exit::done;
}

// Which recipes the builds in results applied. A result is JSON with builds at any depth: the output of `build --format
// json`, a build.json, or a matrix result.
struct Uses {
  std::size_t builds = 0;
  std::set<std::string> applied;

  void collect(const nlohmann::json& node) {
    if (node.is_object())
      if (const auto recipes = node.find("recipes"); recipes != node.end() && recipes->is_array()) {
        // A matrix cell has both the applied recipes and the report of its build: count it once.
        const auto build = node.find("build");
        if (build == node.end() || !build->is_object() || !build->contains("recipes")) ++builds;
        take(*recipes);
      }
    if (node.is_structured())
      for (const auto& child : node) collect(child);
  }

 private:
  // [{"id", "state"}] of a build's report, or the ids of those that were applied.
  void take(const nlohmann::json& recipes) {
    for (const auto& recipe : recipes) {
      if (recipe.is_string())
        applied.insert(recipe.get<std::string>());
      else if (recipe.is_object() && recipe.value("state", nlohmann::json()) == "applies" && recipe.contains("id") &&
               recipe["id"].is_string())
        applied.insert(recipe["id"].get<std::string>());
    }
  }
};

Result<Uses> uses_in(const std::vector<std::string>& files) {
  Uses all;
  for (const auto& file : files) {
    TRY_ASSIGN(const auto text, read_file(file));
    const auto document = parse_json(text);
    if (document.is_discarded())
      return Error{ErrorKind::usage, "read the result " + file, "it is not JSON",
                   "name what vgpukit build --format json printed"};
    Uses uses;
    uses.collect(document);
    if (uses.builds == 0)
      return Error{ErrorKind::usage, "read the result " + file, "no build in it lists its recipes",
                   "name what vgpukit build --format json printed, a build.json, or a matrix result"};
    all.builds += uses.builds;
    all.applied.merge(uses.applied);
  }
  return all;
}

Result<Exit> unused(const Globals& globals, const std::vector<std::string>& files) {
  TRY_ASSIGN(const auto catalogue, catalogue_of(globals, !globals.no_shipped_recipes));
  TRY_ASSIGN(const auto uses, uses_in(files));
  const auto style = style_of(globals, STDOUT_FILENO);
  nlohmann::json all = nlohmann::json::array();
  std::size_t open = 0;
  std::string text;
  for (const auto& recipe : catalogue.recipes()) {
    const bool used = uses.applied.contains(recipe.id);
    if (used && !recipe.unused_because.empty())
      text +=
          style.yellow(recipe.id) + "\n" + wrapped("is used, but has 'unused-because': " + recipe.unused_because, 4);
    if (used) continue;
    if (recipe.unused_because.empty()) ++open;
    all.push_back({{"id", recipe.id}, {"because", recipe.unused_because}, {"file", recipe.where.file}});
    text +=
        (recipe.unused_because.empty() ? style.red(recipe.id) : style.bold(recipe.id)) + "\n" +
        wrapped(
            recipe.unused_because.empty()
                ? "no build applied it: delete it, build a driver that needs it, or explain it with 'unused-because:'"
                : recipe.unused_because,
            4);
  }
  if (globals.json())
    print_json(nlohmann::json{{"builds", uses.builds}, {"unused", all}, {"unexplained", open}});
  else
    print(text + std::to_string(uses.builds) + " build(s), " + std::to_string(catalogue.recipes().size()) +
          " recipe(s): " + std::to_string(all.size()) + " unused, " + std::to_string(open) +
          " of them without an explanation\n");
  return open == 0 ? Exit::done : Exit::failed;
}

}  // namespace

void add_recipe_list(CLI::App& app, Globals& globals, Action& action) {
  auto results = std::make_shared<std::vector<std::string>>();
  auto* command = app.add_subcommand("list", "List all recipes, or those that no build applied");
  command->add_option("--unused", *results, "List the recipes that no build in these results applied")
      ->type_name("RESULT.json...");
  command->callback([&globals, &action, results] {
    action = [&globals, results] { return results->empty() ? list_recipes(globals) : unused(globals, *results); };
  });
}

}  // namespace vgpukit::cli
