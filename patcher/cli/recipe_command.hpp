// The subcommands of `vgpukit recipe`, one in each file.
#pragma once

#include "authoring/draft.hpp"
#include "cli/cli.hpp"

namespace vgpukit::cli {

void add_recipe_list(CLI::App& app, Globals& globals, Action& action);
void add_recipe_show(CLI::App& app, Globals& globals, Action& action);
void add_recipe_test(CLI::App& app, Globals& globals, Action& action);
void add_recipe_lint(CLI::App& app, Globals& globals, Action& action);
void add_recipe_new(CLI::App& app, Globals& globals, Action& action);
void add_recipe_import(CLI::App& app, Globals& globals, Action& action);

// The error for an id that no recipe has.
Error no_such_recipe(const recipe::Catalogue& catalogue, const std::string& tried, const std::string& id);

// Writes the drafts as files of the folder. Error: usage if one of the files exists; nothing is written then.
Status write_drafts(const std::vector<authoring::Draft>& drafts, const fs::path& folder);

}  // namespace vgpukit::cli
