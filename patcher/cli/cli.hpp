// What every subcommand gets: the global flags, and the ways to print. A subcommand's file turns flags into calls and
// results into text or JSON; it decides nothing.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "kernel/facts.hpp"
#include "recipe/catalogue.hpp"
#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::cli {

// The exit codes of the command line contract (docs/cli.md).
enum class Exit : int {
  done = 0,
  failed = 1,   // the job itself failed: a compile error, a module that the kernel would refuse
  usage = 2,    // bad usage or bad input
  missing = 3,  // something is missing on this machine: headers, compiler, root, a tool, space
  consent = 4,  // a notice needs consent
};

struct Globals {
  std::string format = "text";
  std::string root = "/";
  std::vector<std::string> recipes;
  bool no_shipped_recipes = false;
  std::string color = "auto";
  int verbose = 0;
  bool quiet = false;
  std::vector<std::string> assume;

  [[nodiscard]] bool json() const { return format == "json"; }
};

// What a subcommand does once the command line is parsed: the exit code, or why it could not be tried.
using Action = std::function<Result<Exit>()>;

// Adds the subcommands to the app. Each sets `action` when it is the one that was named.
void add_build(CLI::App& app, Globals& globals, Action& action);
void add_plan(CLI::App& app, Globals& globals, Action& action);  // plan and patch
void add_verify(CLI::App& app, Globals& globals, Action& action);
void add_kernel(CLI::App& app, Globals& globals, Action& action);         // kernel list|facts
void add_driver(CLI::App& app, Globals& globals, Action& action);         // driver add|extract|list|info
void add_recipe(CLI::App& app, Globals& globals, Action& action);         // recipe list|show|test|lint
void add_recipe_new(CLI::App& recipe, Globals& globals, Action& action);  // a subcommand of recipe
void add_vgpu(CLI::App& app, Globals& globals,
              Action& action);  // vgpu types|list|create|remove|define|undefine|apply|xml
void add_load(CLI::App& app, Globals& globals, Action& action);     // load|unload|reload
void add_matrix(CLI::App& app, Globals& globals, Action& action);   // matrix list|run|report|merge
void add_install(CLI::App& app, Globals& globals, Action& action);  // install|uninstall|rollback|status
void add_package(CLI::App& app, Globals& globals, Action& action);
void add_hook(CLI::App& app, Globals& globals, Action& action);  // hook install|remove|run|status
void add_doctor(CLI::App& app, Globals& globals, Action& action);
void add_passthrough(CLI::App& app, Globals& globals, Action& action);  // passthrough groups|xml|rom
// passthrough plan|apply|undo|bind|unbind|hooks: subcommands of passthrough
void add_passthrough_change(CLI::App& passthrough, Globals& globals, Action& action);
void add_dkms_prebuild(CLI::App& app, Globals& globals, Action& action);  // for dkms alone

// The whole program but for main's signal handling: parses, runs, prints errors, gives the exit code.
int run_app(int argc, const char* const* argv);

// --- what the subcommands share
// -----------------------------------------------------------------------------------------------

Result<HostPaths> host_of(const Globals& globals);
// find_driver(), with a line on the terminal while a large package is read.
Result<driver::Driver> driver_of(const Globals& globals, const HostPaths& host, const std::string& word);
// The folders that recipes are read from: the shipped one, and those of --recipes.
Result<std::vector<std::filesystem::path>> recipe_folders(const Globals& globals, bool with_shipped);
// The recipes of --recipes, and (`with_shipped`) those that ship with us.
// `without`: ids to leave out. Error: usage for one that no recipe has.
Result<recipe::Catalogue> catalogue_of(const Globals& globals, bool with_shipped,
                                       const std::vector<std::string>& without = {});

// The recipes that a command applies, and those that it knows: errors are explained with these, and notices named,
// whatever
// --no-shipped-recipes and --without leave out.
struct Recipes {
  recipe::Catalogue applied;
  std::optional<recipe::Catalogue> all;  // where they differ
  [[nodiscard]] const recipe::Catalogue& known() const { return all ? *all : applied; }
};
Result<Recipes> recipes_of(const Globals& globals, const std::vector<std::string>& without = {});
Result<std::map<std::string, bool>> assumptions_of(const Globals& globals);
// --accept and the configuration file's `accept:`. Error: usage for a name on the command line that no recipe has.
Result<std::set<std::string>> accepted_of(const HostPaths& host, const recipe::Catalogue& catalogue,
                                          const std::vector<std::string>& names);
// The kernels of --kernel; without one the running kernel, or the newest of another root.
// `accepted` with "other-compiler": where the kernel's own compiler is not here, another version of it is taken.
Result<std::vector<kernel::Kernel>> kernels_of(const HostPaths& host, std::vector<std::string> specs,
                                               const std::set<std::string>& accepted = {});
// The same for a subcommand that takes exactly one.
Result<kernel::Kernel> kernel_of(const HostPaths& host, const std::string& spec,
                                 const std::set<std::string>& accepted = {});

// Text with colours where the terminal and --color want them.
struct Style {
  bool on = false;
  [[nodiscard]] std::string bold(const std::string& text) const { return wrap("1", text); }
  [[nodiscard]] std::string green(const std::string& text) const { return wrap("32", text); }
  [[nodiscard]] std::string yellow(const std::string& text) const { return wrap("33", text); }
  [[nodiscard]] std::string red(const std::string& text) const { return wrap("31", text); }
  [[nodiscard]] std::string dim(const std::string& text) const { return wrap("2", text); }

 private:
  [[nodiscard]] std::string wrap(const char* code, const std::string& text) const {
    return on ? "\033[" + std::string(code) + "m" + text + "\033[0m" : text;
  }
};
Style style_of(const Globals& globals, int fd);

void print(const std::string& text);              // to stdout
void print_json(const nlohmann::json& document);  // one document, to stdout
// Breaks text at blanks to fit the terminal (100 columns where there is none), each line with `indent` blanks in front.
std::string wrapped(const std::string& text, std::size_t indent);
std::string human_bytes(std::uintmax_t bytes);
// The exit code of an error (docs/cli.md).
Exit exit_of(ErrorKind kind);
nlohmann::json error_json(const Error& error);

}  // namespace vgpukit::cli
