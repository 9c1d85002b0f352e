#include <unistd.h>

#include <algorithm>

#include "authoring/import_patch.hpp"
#include "cli/recipe_command.hpp"
#include "recipe/parse_recipe.hpp"
#include "support/atomic_file.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

namespace {

struct RecipeImportOptions {
  std::string patch;
  std::string kernel;
  std::string output = "recipes-imported";
};

Result<Exit> import(const Globals& globals, const RecipeImportOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY_ASSIGN(const auto diff, read_file(options.patch));
  const auto headers = kernel::list_headers(host);
  if (!options.kernel.empty()) {
    const auto release = [](const kernel::KernelHeaders& each) { return each.release; };
    if (std::none_of(headers.begin(), headers.end(), [&](const auto& each) { return each.release == options.kernel; }))
      return Error{ErrorKind::missing, "look up what " + options.patch + " is about",
                   "the kernel " + options.kernel + " has no headers here",
                   headers.empty() ? "install its headers" : "here are: " + join(headers, ", ", release)};
  }
  TRY_ASSIGN(const auto made, authoring::import_patch(diff, options.patch, headers, options.kernel));
  const fs::path folder = options.output;
  const auto file = folder / (made.id + ".yaml");
  const auto patch = folder / "patches" / (made.id + ".patch");
  std::error_code bad;
  for (const auto& each : {file, patch})
    if (fs::exists(each, bad))
      return Error{ErrorKind::usage, "write the draft " + each.string(), "there is such a file already",
                   "name another folder with --output, or remove it; nothing was written"};
  if (!made.patch.empty()) TRY(write_file(patch, made.patch));
  // A draft that cannot be parsed is an error of vgpukit: it is not written.
  if (const auto loads = recipe::parse_recipe(made.text, file.string(), folder / "patches"); !loads) {
    fs::remove(patch, bad);
    return loads.error();
  }
  TRY(write_file(file, made.text));
  if (globals.json()) {
    print_json({{"id", made.id},
                {"file", file.string()},
                {"patch", made.patch.empty() ? "" : patch.string()},
                {"steps", made.steps},
                {"condition", made.condition}});
    return Exit::done;
  }
  const auto style = style_of(globals, STDOUT_FILENO);
  print(style.bold(made.id) + " in " + file.string() + ":\n");
  for (const auto& step : made.steps) print("  " + step + "\n");
  if (made.condition.empty())
    print(style.yellow("  the headers here do not show which kernels need it") +
          ": write `when`; without it the recipe applies to no kernel\n");
  else
    print("  for a kernel that: " + made.condition + "\n");
  print("next: finish the lines with TODO (docs/recipes.md), then\n  vgpukit recipe lint " + file.string() +
        "\n  vgpukit plan DRIVER --diff --recipes " + folder.string() + "\n");
  return Exit::done;
}

}  // namespace

void add_recipe_import(CLI::App& recipe, Globals& globals, Action& action) {
  auto* command = recipe.add_subcommand(
      "import", "Draft a recipe from a patch, with transforms for the hunks that one of them can do");
  auto options = std::make_shared<RecipeImportOptions>();
  command
      ->add_option("PATCH", options->patch,
                   "A unified diff of a driver's kernel folder, with or without a mail around it")
      ->required();
  command
      ->add_option("--kernel", options->kernel,
                   "The kernel that the patch is for (default: the newest with headers here)")
      ->type_name("REL");
  command->add_option("--output", options->output, "The folder for the draft")->type_name("DIR")->capture_default_str();
  set_action(command, globals, action, options, import);
}

}  // namespace vgpukit::cli
