#include "cli/cli.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <typeinfo>

#include "cli/command_help.hpp"
#include "cli/progress.hpp"
#include "config.hpp"
#include "driver/driver_store.hpp"
#include "kernel/kernel_notices.hpp"
#include "support/configuration.hpp"
#include "support/json_file.hpp"
#include "support/log.hpp"
#include "support/process.hpp"
#include "support/sandbox.hpp"
#include "support/text.hpp"
#include "support/yaml_reader.hpp"

namespace vgpukit::cli {

namespace {

std::size_t columns() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) return std::min<std::size_t>(size.ws_col, 132);
  return 100;
}

void add_globals(CLI::App& app, Globals& globals) {
  app.add_option("--format", globals.format, "How to print results")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.add_option("--root", globals.root,
                 "Work on another root folder: its /lib/modules, /usr/src, /etc; compilers run inside it")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--recipes", globals.recipes, "A folder of recipes, in addition to the shipped ones")
      ->type_name("DIR");
  app.add_flag("--no-shipped-recipes", globals.no_shipped_recipes, "Leave the shipped recipes out");
  app.add_option("--color", globals.color, "Colours in text")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  app.add_option("--assume", globals.assume,
                 "Assume the answer to a question about the kernel, such as 'declaration no_llseek linux/fs.h=no'")
      ->type_name("FACT=yes|no");
  app.add_flag_callback("--no-sandbox", turn_sandbox_off,
                        "As root: run make, conftest and the compilers with root's rights (docs/security.md)");
  // Newer releases of CLI11 have a default for flags that are counted, and print it.
  app.add_flag("-v,--verbose", globals.verbose, "Print more: every command that is run")->default_str("");
  app.add_flag("-q,--quiet", globals.quiet, "Print only errors");
}

// The commands below `app`, and the options that it and the commands above it take.
std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!command->get_name().empty() && !command->get_group().empty()) names.push_back(command->get_name());
  return names;
}
std::vector<std::string> options_of(const CLI::App* app) {
  std::vector<std::string> names;
  for (; app != nullptr; app = app->get_parent())
    for (const auto* option : app->get_options())
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  const auto near = nearest(word, {known.begin(), known.end()});
  return near.empty() ? "" : "; did you mean '" + near + "'?";
}

// The last command on the command line that was parsed.
const CLI::App* command_of(const CLI::App& app) {
  const auto* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return at;
}

// What is wrong with the command line. For an unknown command CLI11 says only that one is required, and of an unknown
// option not which one is near.
std::string parse_problem(const CLI::App& app, const CLI::ParseError& bad) {
  const auto* at = command_of(app);
  std::string path = at->get_name();
  for (const auto* above = at->get_parent(); above != nullptr; above = above->get_parent())
    path = above->get_name() + " " + path;
  const auto rest = app.remaining(true);
  const auto option = std::find_if(rest.begin(), rest.end(), [](const auto& word) { return word.starts_with("--"); });
  if (option != rest.end()) {
    const auto name = option->substr(0, option->find('='));
    return path + " has no option " + name + did_you_mean(name, options_of(at));
  }
  if (at->get_require_subcommand_min() == 0 || rest.empty() || rest.front().starts_with('-')) return bad.what();
  return "there is no command '" + rest.front() + "'" + did_you_mean(rest.front(), commands_of(*at));
}

// Where a word can stand without an option, an option that may be given several times takes one word each time:
// "plan --accept NOTICE DRIVER".
void take_one_word_each(CLI::App& app) {
  const auto options = app.get_options();
  const bool other_words =
      std::any_of(options.begin(), options.end(), [](auto* each) { return each->get_positional(); });
  for (auto* option : options)
    if (other_words && !option->get_positional() && option->get_items_expected_max() > 1)
      option->allow_extra_args(false);
  for (auto* command : app.get_subcommands([](const CLI::App*) { return true; })) take_one_word_each(*command);
}

int report(const Error& error, const Globals& globals) {
  log::error(error.message());
  if (globals.json()) print_json(error_json(error));
  return static_cast<int>(exit_of(error.kind));
}

Result<Exit> run_command(int argc, const char* const* argv, Globals& globals) {
  CLI::App app;
  Action action;
  add_commands(app, globals, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& bad) {
    if (bad.get_exit_code() == 0) {  // --help, --version
      app.exit(bad);
      return Exit::done;
    }
    const auto* at = command_of(app);
    if (dynamic_cast<const CLI::RequiredError*>(&bad) != nullptr && at->get_require_subcommand_min() > 0 &&
        app.remaining(true).empty()) {  // vgpukit, or a group of commands, alone
      print(at->help());
      return Exit::usage;
    }
    std::fprintf(stderr, "error: %s\n  vgpukit --help and vgpukit COMMAND --help list commands and options\n",
                 parse_problem(app, bad).c_str());
    return Exit::usage;
  }
  log::setup(globals.quiet ? -2 : globals.verbose,
             style_of(globals, STDERR_FILENO).on ? log::Color::always : log::Color::never);
  return action();
}

}  // namespace

void add_commands(CLI::App& app, Globals& globals, Action& action) {
  app.name("vgpukit");
  app.description(
      "vgpukit builds NVIDIA (vGPU host) drivers for the kernel that you run.\n"
      "DRIVER is a folder, an installer (.run, or the .zip that it came in), a tarball, an exact version "
      "(535.247.02), a branch (535, 535.xxx) of the driver store, or 'reference', the small driver that ships with "
      "vgpukit.");
  app.footer(exit_codes_text);
  app.set_help_flag("-h,--help", "Print this help");
  app.set_version_flag("--version", "vgpukit " VGPUKIT_VERSION, "Print the version");
  app.require_subcommand(1);
  // The global flags may stand before or after the subcommand.
  app.fallthrough();
  add_globals(app, globals);
  add_build(app, globals, action);
  add_plan(app, globals, action);
  add_verify(app, globals, action);
  add_kernel(app, globals, action);
  add_driver(app, globals, action);
  add_install(app, globals, action);
  add_hook(app, globals, action);
  add_load(app, globals, action);
  add_vgpu(app, globals, action);
  add_doctor(app, globals, action);
  add_passthrough(app, globals, action);
  add_matrix(app, globals, action);
  add_package(app, globals, action);
  add_recipe(app, globals, action);
  add_adapt(app, globals, action);
  add_dkms_build(app, globals, action);
  add_shell(app, action);
  add_command_help(app);
  take_one_word_each(app);
}

Result<Exit> without_exceptions(const Action& action, int argc, const char* const* argv) {
  std::string words = "vgpukit";
  for (int i = 1; i < argc; ++i) words += " " + shell_word(argv[i]);
  const auto tried = "finish " + printable(words, 400);
  try {
    return action();
  } catch (const std::bad_alloc&) {
    return Error{ErrorKind::failed, tried, "the memory is exhausted", "free some memory, or use fewer --jobs"};
  } catch (const std::exception& fault) {
    return Error{ErrorKind::failed, tried,
                 std::string("there is a fault in vgpukit " VGPUKIT_VERSION " (") + typeid(fault).name() + ": " +
                     printable(fault.what()) + ")",
                 "send these two lines, and the file that it was about, as a report (SECURITY.md says where); what was "
                 "begun is undone"};
  }
}

int run_app(int argc, const char* const* argv) {
  Globals globals;
  const auto result = without_exceptions([&] { return run_command(argc, argv, globals); }, argc, argv);
  if (!result) return report(result.error(), globals);
  // The work is done, but whoever reads the output would take a part of it for all.
  if (*result == Exit::done && std::ferror(stdout) != 0 && ::fcntl(STDOUT_FILENO, F_GETFD) >= 0)
    return report(Error{ErrorKind::missing, "write the output", "it is incomplete: the disk may be full",
                        "run the command again with its output in another place"},
                  globals);
  return static_cast<int>(*result);
}

Result<HostPaths> host_of(const Globals& globals) {
  return HostPaths::of_this_machine(globals.root);
}

Result<driver::Driver> driver_of(const Globals& globals, const HostPaths& host, const std::string& word) {
  Progress progress(word, shows_progress(globals));
  return driver::find_driver(host, word, false, [&](const driver::PackageProgress& state) { progress.show(state); });
}

Result<std::vector<fs::path>> recipe_folders(const Globals& globals, bool with_shipped) {
  std::vector<fs::path> folders;
  TRY_ASSIGN(const auto data, shipped_data());
  if (with_shipped) folders.push_back(data / "recipes");
  for (const auto& folder : globals.recipes) folders.emplace_back(folder);
  return folders;
}

std::string same_options(const Globals& globals, const std::vector<std::string>& accept,
                         const std::vector<std::string>& without, const std::vector<std::string>& modules) {
  std::string text;
  const auto add = [&](const char* option, const std::vector<std::string>& words) {
    for (const auto& word : words) text += " " + std::string(option) + " " + shell_word(word);
  };
  if (!globals.root.empty() && globals.root != "/") add("--root", {globals.root});
  add("--recipes", globals.recipes);
  if (globals.no_shipped_recipes) text += " --no-shipped-recipes";
  add("--accept", accept);
  add("--without", without);
  add("--modules", modules);
  return text;
}

Result<recipe::Catalogue> catalogue_of(const Globals& globals, bool with_shipped,
                                       const std::vector<std::string>& without) {
  TRY_ASSIGN(const auto data, shipped_data());
  TRY_ASSIGN(const auto folders, recipe_folders(globals, with_shipped));
  TRY_ASSIGN(auto catalogue, recipe::Catalogue::load(folders, data / "patches"));
  TRY(catalogue.leave_out(without));
  return catalogue;
}

Result<Recipes> recipes_of(const Globals& globals, const std::vector<std::string>& without) {
  TRY_ASSIGN(auto applied, catalogue_of(globals, !globals.no_shipped_recipes, without));
  Recipes recipes{std::move(applied), std::nullopt};
  if (globals.no_shipped_recipes || !without.empty()) {
    TRY_ASSIGN(recipes.all, catalogue_of(globals, true));
  }
  return recipes;
}

Result<std::map<std::string, bool>> assumptions_of(const Globals& globals) {
  std::map<std::string, bool> assumptions;
  for (const auto& word : globals.assume) {
    // "declaration follow_pfn linux/mm.h=no". A config question may have a '=' of its own, so the last one counts.
    const auto equals = word.rfind('=');
    const auto value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (value != "yes" && value != "no")
      return Error{ErrorKind::usage, "take the assumption '" + word + "'", "it does not end in =yes or =no",
                   "such as --assume 'declaration no_llseek linux/fs.h=no'"};
    TRY_ASSIGN(const auto question, kernel::Question::parse(word.substr(0, equals)));
    assumptions[question.key()] = value == "yes";
  }
  return assumptions;
}

Result<std::set<std::string>> accepted_of(const HostPaths& host, const recipe::Catalogue& catalogue,
                                          const std::vector<std::string>& names) {
  std::set<std::string> accepted;
  std::set<std::string> known;
  for (const auto& notice : kernel::kernel_notices()) known.emplace(notice.name);
  for (const auto& recipe : catalogue.recipes())
    if (recipe.notice) known.insert(recipe.notice->name);
  for (const auto& name : names) {
    if (!known.contains(name)) {
      return Error{ErrorKind::usage, "accept the notice '" + name + "'", "no recipe has a notice of that name",
                   "known: " + join(known, ", ")};
    }
    accepted.insert(name);
  }
  TRY_ASSIGN(const auto configuration, read_configuration(host.config));
  accepted.insert(configuration.accept.begin(), configuration.accept.end());
  return accepted;
}

Result<std::vector<kernel::Kernel>> kernels_of(const HostPaths& host, std::vector<std::string> specs,
                                               const std::set<std::string>& accepted) {
  if (specs.empty()) specs.emplace_back(host.is_host() ? "running" : "newest");
  return kernel::select_kernels(host, specs, accepted.contains("other-compiler"));
}

Result<kernel::Kernel> kernel_of(const HostPaths& host, const std::string& spec,
                                 const std::set<std::string>& accepted) {
  TRY_ASSIGN(auto kernels,
             kernels_of(host, spec.empty() ? std::vector<std::string>{} : std::vector<std::string>{spec}, accepted));
  if (kernels.size() != 1)
    return Error{ErrorKind::usage, "take '" + spec + "' as the kernel",
                 "it names " + std::to_string(kernels.size()) + " kernels, and one is needed",
                 "vgpukit kernel list shows their releases"};
  return std::move(kernels.front());
}

bool shows_progress(const Globals& globals) {
  return !globals.quiet && isatty(STDERR_FILENO) == 1;
}

Style style_of(const Globals& globals, int fd) {
  if (globals.color == "always") return {true};
  if (globals.color == "never" || globals.json() || std::getenv("NO_COLOR") != nullptr) return {false};
  return {isatty(fd) == 1};
}

void print(const std::string& output) {
  // A file or a pipe gets the bytes as they are.
  const auto text = isatty(STDOUT_FILENO) == 1 ? terminal_text(output, /*styled=*/true) : output;
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void print_json(const nlohmann::json& document) {
  // A compiler may have printed bytes that are not UTF-8: they are replaced.
  print(json_text(document, 2) + "\n");
}

std::string wrapped(const std::string& text, std::size_t indent) {
  const std::size_t width = columns() - std::min(indent, std::size_t{40});
  const std::string margin(indent, ' ');
  std::string all;
  std::string line;
  const auto flush = [&] {
    if (!line.empty()) all += margin + line + "\n";
    line.clear();
  };
  std::size_t at = 0;
  while (at < text.size()) {
    const auto end = std::min(text.find_first_of(" \n", at), text.size());
    const auto word = text.substr(at, end - at);
    if (!line.empty() && line.size() + 1 + word.size() > width) flush();
    if (!word.empty()) line += (line.empty() ? "" : " ") + word;
    if (end < text.size() && text[end] == '\n') flush();
    at = end + 1;
  }
  flush();
  return all;
}

std::string human_bytes(std::uintmax_t bytes) {
  char text[32];
  if (bytes < 1024 * 1024)
    std::snprintf(text, sizeof text, "%.0f kB", std::ceil(static_cast<double>(bytes) / 1024));
  else
    std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / (1024 * 1024));
  return text;
}

Exit exit_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return Exit::usage;
    case ErrorKind::missing:
    case ErrorKind::denied:
    case ErrorKind::no_space:
      return Exit::missing;
    case ErrorKind::consent:
      return Exit::consent;
    case ErrorKind::failed:
    case ErrorKind::interrupted:
      break;
  }
  return Exit::failed;
}

nlohmann::json error_json(const Error& error) {
  const char* result = "failed";
  const auto exit = exit_of(error.kind);
  if (exit == Exit::missing) result = "missing";
  if (exit == Exit::usage) result = "usage";
  if (exit == Exit::consent) result = "consent";
  return {{"result", result},
          {"errors",
           {{{"file", error.where ? error.where->file : ""},
             {"line", error.where ? error.where->line : 0},
             {"column", error.where ? error.where->column : 0},
             {"message", error.tried.empty() ? error.why : "cannot " + error.tried + ": " + error.why},
             {"hint", error.next}}}}};
}

}  // namespace vgpukit::cli
