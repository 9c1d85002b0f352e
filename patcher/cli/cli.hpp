// cli/ is the command line: each subcommand turns its options into calls of the other folders, and results into text or
// JSON. It decides nothing itself, and uses all other folders.
//
// This header declares run_app(), the subcommands of *_command.cpp, and what they share: the global options and
// printing.
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

// The exit codes of the command line contract (docs/reference/exit-codes.md).
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

// What the subcommand does once the command line is parsed. Gives the exit code.
using Action = std::function<Result<Exit>()>;

// Adds the subcommands to the app. Each sets `action` when it is the one that the user named.
void add_build(CLI::App& app, Globals& globals, Action& action);
void add_adapt(CLI::App& app, Globals& globals, Action& action);
void add_plan(CLI::App& app, Globals& globals, Action& action);  // plan and patch
void add_verify(CLI::App& app, Globals& globals, Action& action);
void add_kernel(CLI::App& app, Globals& globals, Action& action);  // kernel list|facts
void add_driver(CLI::App& app, Globals& globals, Action& action);  // driver add|extract|list|info
void add_recipe(CLI::App& app, Globals& globals, Action& action);  // recipe list|show|test|lint|new|import|schema
// vgpu types|list|create|remove|define|undefine|apply|xml
void add_vgpu(CLI::App& app, Globals& globals, Action& action);
void add_load(CLI::App& app, Globals& globals, Action& action);     // load|unload|reload
void add_matrix(CLI::App& app, Globals& globals, Action& action);   // matrix list|run|report|merge|emit
void add_install(CLI::App& app, Globals& globals, Action& action);  // install|uninstall|rollback|status
void add_package(CLI::App& app, Globals& globals, Action& action);
void add_hook(CLI::App& app, Globals& globals, Action& action);  // hook install|remove|run|status
void add_doctor(CLI::App& app, Globals& globals, Action& action);
void add_passthrough(CLI::App& app, Globals& globals, Action& action);  // passthrough groups|xml|rom
// passthrough plan|apply|undo|bind|unbind|hooks: subcommands of passthrough
void add_passthrough_change(CLI::App& passthrough, Globals& globals, Action& action);
// dkms-build; for older trees dkms-prebuild, dkms-sign
void add_dkms_build(CLI::App& app, Globals& globals, Action& action);
void add_shell(CLI::App& app, Action& action);  // for the build and packagers; after all others, which it describes

// All of them, and the global options.
void add_commands(CLI::App& app, Globals& globals, Action& action);
// Does `action`. Expected failures are values, so an exception is a fault of vgpukit, or the memory is exhausted: it
// becomes an error of the kind failed. The stack is unwound: what was begun is undone, temporary files are removed.
Result<Exit> without_exceptions(const Action& action, int argc, const char* const* argv);
// The whole program without main's signal handling: parses the arguments, runs the subcommand, prints errors. Gives the
// exit code.
int run_app(int argc, const char* const* argv);

// --- what the subcommands share -----------------------------------------------------------------------------------

// Runs `run` with the options when the user names this command. `command` parses into `options`.
template <class Options>
void set_action(CLI::App* command, Globals& globals, Action& action, std::shared_ptr<Options> options,
                Result<Exit> (*run)(const Globals&, const Options&)) {
  command->callback([&globals, &action, options = std::move(options), run] {
    action = [&globals, options, run] { return run(globals, *options); };
  });
}
inline void set_action(CLI::App* command, Globals& globals, Action& action, Result<Exit> (*run)(const Globals&)) {
  command->callback([&globals, &action, run] { action = [&globals, run] { return run(globals); }; });
}

// What every command that takes a driver says of it.
inline constexpr const char* driver_help = "Folder, .run, .zip, tarball, version, branch (535, 535.xxx) or 'reference'";

// The options of this call that another command about the same build needs, for messages that name such a command:
// " --root /r --recipes my --accept gpl-export"; may be empty.
std::string same_options(const Globals& globals, const std::vector<std::string>& accept,
                         const std::vector<std::string>& without, const std::vector<std::string>& modules);

Result<HostPaths> host_of(const Globals& globals);
// find_driver(), with a progress line while a large package is read.
Result<driver::Driver> driver_of(const Globals& globals, const HostPaths& host, const std::string& word);
// The folders with recipes: the shipped one, and those of --recipes.
Result<std::vector<std::filesystem::path>> recipe_folders(const Globals& globals, bool with_shipped);
// The recipes of --recipes, and (`with_shipped`) those that ship with vgpukit. `without`: ids to leave out.
// Error: usage for an id that no recipe has.
Result<recipe::Catalogue> catalogue_of(const Globals& globals, bool with_shipped,
                                       const std::vector<std::string>& without = {});

// The recipes that a command applies, and all that it knows, with those that --no-shipped-recipes and --without leave
// out: for the explanation of errors and the names of notices.
struct Recipes {
  recipe::Catalogue applied;
  std::optional<recipe::Catalogue> all;  // if it differs from `applied`
  [[nodiscard]] const recipe::Catalogue& known() const { return all ? *all : applied; }
};
Result<Recipes> recipes_of(const Globals& globals, const std::vector<std::string>& without = {});
Result<std::map<std::string, bool>> assumptions_of(const Globals& globals);
// --accept and the configuration file's `accept:`. Error: usage for a name on the command line that no recipe has.
Result<std::set<std::string>> accepted_of(const HostPaths& host, const recipe::Catalogue& catalogue,
                                          const std::vector<std::string>& names);
// The kernels of --kernel; without it the running kernel, or the newest of another root. If `accepted` has
// "other-compiler", a kernel whose compiler is not installed is used with another version of it.
Result<std::vector<kernel::Kernel>> kernels_of(const HostPaths& host, std::vector<std::string> specs,
                                               const std::set<std::string>& accepted = {});
// The same for a subcommand that takes exactly one kernel.
Result<kernel::Kernel> kernel_of(const HostPaths& host, const std::string& spec,
                                 const std::set<std::string>& accepted = {});

// Adds colours to text, if the terminal has them and --color does not forbid them.
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
// Whether a progress line is shown on stderr: it is a terminal and there is no --quiet.
bool shows_progress(const Globals& globals);

void print(const std::string& text);              // to stdout
void print_json(const nlohmann::json& document);  // one document, to stdout
// Breaks text at blanks to fit the terminal (100 columns without one), with `indent` blanks in front of each line.
std::string wrapped(const std::string& text, std::size_t indent);
std::string human_bytes(std::uintmax_t bytes);
// The exit code of an error (docs/reference/exit-codes.md).
Exit exit_of(ErrorKind kind);
nlohmann::json error_json(const Error& error);

}  // namespace vgpukit::cli
