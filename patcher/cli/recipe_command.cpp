#include <unistd.h>

#include <algorithm>

#include "cli/cli.hpp"
#include "recipe/yaml_reader.hpp"

namespace vgpukit::cli {

namespace {

Result<Exit> list(const Globals& globals) {
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
    print(style.bold(recipe.id) + (recipe.notice ? style.yellow("  needs --accept " + recipe.notice->name) : "") + "\n" +
          wrapped(recipe.summary, 4));
  return Exit::done;
}

Result<Exit> show(const Globals& globals, const std::string& id) {
  TRY_ASSIGN(const auto catalogue, catalogue_of(globals, !globals.no_shipped_recipes));
  const auto* recipe = catalogue.find(id);
  if (!recipe) {
    std::vector<std::string_view> known;
    for (const auto& each : catalogue.recipes()) known.push_back(each.id);
    const auto near = nearest(id, known);
    return Error{Exit::usage, "show the recipe '" + id + "'", "no recipe has that id",
                 near.empty() ? "vgpukit recipe list shows them all" : "did you mean '" + near + "'?"};
  }
  if (globals.json())
    print_json(nlohmann::json{{"id", recipe->id}, {"file", recipe->where.file}, {"text", recipe->text}});
  else
    print("# " + recipe->where.file + "\n" + recipe->text);
  return Exit::done;
}

}  // namespace

void add_recipe(CLI::App& app, Globals& globals, Action& action) {
  auto* command = app.add_subcommand("recipe", "The recipes: what each changes, and for what");
  command->require_subcommand(1);
  command->add_subcommand("list", "List all recipes")->callback([&globals, &action] {
    action = [&globals] { return list(globals); };
  });
  add_recipe_new(*command, globals, action);
  auto id = std::make_shared<std::string>();
  auto* showing = command->add_subcommand("show", "Show one recipe as it is written");
  showing->add_option("ID", *id, "The recipe's id")->required();
  showing->callback([&globals, &action, id] { action = [&globals, id] { return show(globals, *id); }; });
}

}  // namespace vgpukit::cli
