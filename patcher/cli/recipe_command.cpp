#include "cli/recipe_command.hpp"

#include "recipe/schema.hpp"
#include "support/yaml_reader.hpp"

namespace vgpukit::cli {

namespace {

Result<Exit> show(const Globals& globals, const std::string& id) {
  TRY_ASSIGN(const auto catalogue, catalogue_of(globals, !globals.no_shipped_recipes));
  const auto* recipe = catalogue.find(id);
  if (!recipe) return no_such_recipe(catalogue, "show the recipe '" + id + "'", id);
  if (globals.json())
    print_json(nlohmann::json{{"id", recipe->id}, {"file", recipe->where.file}, {"text", recipe->text}});
  else
    print("# " + recipe->where.file + "\n" + recipe->text);
  return Exit::done;
}

}  // namespace

Error no_such_recipe(const recipe::Catalogue& catalogue, const std::string& tried, const std::string& id) {
  std::vector<std::string_view> known;
  for (const auto& each : catalogue.recipes()) known.push_back(each.id);
  const auto near = nearest(id, known);
  return Error{ErrorKind::usage, tried, "no recipe has that id",
               near.empty() ? "vgpukit recipe list shows all ids" : "did you mean '" + near + "'?"};
}

void add_recipe_show(CLI::App& app, Globals& globals, Action& action) {
  auto id = std::make_shared<std::string>();
  auto* command = app.add_subcommand("show", "Print the text of a recipe");
  command->add_option("ID", *id, "The recipe's id")->required();
  command->callback([&globals, &action, id] { action = [&globals, id] { return show(globals, *id); }; });
}

void add_recipe(CLI::App& app, Globals& globals, Action& action) {
  auto* command = app.add_subcommand("recipe", "List, show, test, check and draft recipes");
  command->require_subcommand(1);
  add_recipe_list(*command, globals, action);
  add_recipe_show(*command, globals, action);
  add_recipe_test(*command, globals, action);
  add_recipe_lint(*command, globals, action);
  add_recipe_new(*command, globals, action);
  add_recipe_import(*command, globals, action);
  command->add_subcommand("schema", "Print a JSON schema of recipe files, for editors")->callback([&action] {
    action = []() -> Result<Exit> {
      print(recipe::recipe_schema().dump(1) + "\n");
      return Exit::done;
    };
  });
}

}  // namespace vgpukit::cli
