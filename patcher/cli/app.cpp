#include <unistd.h>

#include <cstdio>

#include "cli/cli.hpp"
#include "cli/shell_command.hpp"
#include "config.hpp"
#include "support/log.hpp"
#include "support/process.hpp"

namespace vgpukit::cli {

namespace {

void add_globals(CLI::App& app, Globals& globals) {
  app.add_option("--format", globals.format, "How to print results")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.add_option("--root", globals.root,
                 "Work on another root folder: its /lib/modules, /usr/src, /etc; compilers run inside it")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--recipes", globals.recipes, "A folder of recipes, in addition to the shipped ones (repeatable)")
      ->type_name("DIR");
  app.add_flag("--no-shipped-recipes", globals.no_shipped_recipes, "Leave the shipped recipes out");
  app.add_option("--color", globals.color, "Colours in text")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  app.add_option("--assume", globals.assume,
                 "Take a fact as given, such as 'declaration no_llseek linux/fs.h=no' (repeatable)")
      ->type_name("FACT=yes|no");
  app.add_flag("-v,--verbose", globals.verbose, "Say more: every command that is run");
  app.add_flag("-q,--quiet", globals.quiet, "Say only what failed");
}

int report(const Error& error, const Globals& globals) {
  log::error(error.message());
  if (globals.json()) print_json(error_json(error));
  return static_cast<int>(exit_of(error.kind));
}

}  // namespace

int run_app(int argc, const char* const* argv) {
  CLI::App app{
      "vgpukit builds NVIDIA (vGPU host) drivers for the kernel that is really running.\n"
      "DRIVER is a folder, an installer (.run, or the .zip that it came in), a tarball, an exact version "
      "(535.247.02),\n"
      "a branch (535, 535.xxx) of the driver store, or 'reference', the small driver that ships with vgpukit.",
      "vgpukit"};
  app.footer(
      "Exit codes: 0 done; 1 the job failed; 2 bad usage or input; 3 something is missing here (the message names "
      "it);\n"
      "4 a notice needs consent (--accept NAME).");
  app.set_version_flag("--version", "vgpukit " VGPUKIT_VERSION);
  app.require_subcommand(1);
  // The global flags may stand before or after the subcommand.
  app.fallthrough();
  Globals globals;
  Action action;
  add_globals(app, globals);
  add_build(app, globals, action);
  add_plan(app, globals, action);
  add_verify(app, globals, action);
  add_kernel(app, globals, action);
  add_driver(app, globals, action);
  add_recipe(app, globals, action);
  add_load(app, globals, action);
  add_vgpu(app, globals, action);
  add_matrix(app, globals, action);
  add_install(app, globals, action);
  add_package(app, globals, action);
  add_hook(app, globals, action);
  add_doctor(app, globals, action);
  add_passthrough(app, globals, action);
  add_dkms_prebuild(app, globals, action);
  add_shell(app, action);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& bad) {
    if (bad.get_exit_code() == 0) return app.exit(bad);  // --help, --version
    std::fprintf(stderr, "error: %s\n  vgpukit --help, or vgpukit COMMAND --help, tells what there is\n", bad.what());
    return static_cast<int>(Exit::usage);
  }
  log::setup(globals.quiet ? -2 : globals.verbose,
             style_of(globals, STDERR_FILENO).on ? log::Color::always : log::Color::never);
  const auto result = action();
  if (!result) return report(result.error(), globals);
  return static_cast<int>(*result);
}

}  // namespace vgpukit::cli
