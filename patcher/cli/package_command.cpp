#include <unistd.h>

#include "build/job.hpp"
#include "cli/cli.hpp"
#include "cli/plan_text.hpp"
#include "cli/progress.hpp"
#include "install/module_package.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

namespace {

struct PackageOptions {
  std::string driver;
  std::string kernel;
  std::string kind;
  std::string depends;
  std::string output = ".";
  std::vector<std::string> modules;
  std::vector<std::string> accept;
  unsigned revision = 1;
  unsigned jobs = 0;
};

Result<Exit> package(const Globals& globals, const PackageOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY_ASSIGN(const auto recipes, recipes_of(globals));
  TRY_ASSIGN(const auto accepted, accepted_of(host, recipes.known(), options.accept));
  TRY_ASSIGN(const auto assumptions, assumptions_of(globals));
  TRY_ASSIGN(const auto driver, driver_of(globals, host, options.driver));
  TRY_ASSIGN(auto kernel, kernel_of(host, options.kernel, accepted));
  install::PackageRequest request;
  request.format = *install::package_format_from(options.kind);
  request.depends = options.depends;
  request.revision = options.revision;
  request.output = fs::absolute(options.output).lexically_normal();
  if (request.depends.empty()) {
    // Before the build, which takes minutes.
    TRY_ASSIGN(request.depends, install::kernel_dependency(request.format, kernel));
  }
  kernel::Facts facts(std::move(kernel), assumptions);
  Progress progress(facts.kernel().release, shows_progress(globals));
  build::BuildJob job;
  job.driver = &driver;
  job.catalogue = &recipes.applied;
  job.explanations = &recipes.known();
  job.accepted = accepted;
  job.modules = options.modules;
  job.strict = recipe::Strict::run_time;  // the modules go to hosts where nobody reads this build's warnings
  job.jobs = options.jobs > 0 ? options.jobs : default_jobs();
  job.on_progress = [&](const build::BuildProgress& state) { progress.show(state); };
  job.on_step = [&](std::string_view text) { progress.say(text); };
  const auto report = build::run_build(facts, job);
  progress.clear();
  if (!report) return report.error();
  if (report->result != build::BuildReport::Result::built)
    return print_refused(globals, *report, "no package was made");
  request.build = &*report;
  request.kernel = &facts.kernel();
  TRY_ASSIGN(const auto made, install::make_package(request));
  if (globals.json()) {
    print_json({{"package", made.file.string()},
                {"name", made.name},
                {"version", made.version},
                {"depends", made.depends},
                {"kernel", facts.kernel().release},
                {"notices", report->notices},
                {"warnings", report->sandbox_warnings()}});
    return Exit::done;
  }
  print(made.file.string() + "\n");
  if (globals.quiet) return Exit::done;
  const auto style = style_of(globals, STDOUT_FILENO);
  print("  " + made.name + " " + made.version + ", needs " + made.depends + "\n");
  const auto names = join(report->notices, ", ", [](const auto& notice) { return notice.name; });
  for (const auto& warning : report->sandbox_warnings()) print(style.yellow("warning: ") + warning + "\n");
  print(style.yellow("for your own hosts") + (names.empty() ? "" : " (accepted: " + names + ")") +
        ": NVIDIA's licence decides whether you may give it to others.\n");
  return Exit::done;
}

}  // namespace

void add_package(CLI::App& app, Globals& globals, Action& action) {
  auto* command =
      app.add_subcommand("package", "Make a deb, rpm or Arch package of modules that were built and verified");
  auto options = std::make_shared<PackageOptions>();
  command->add_option("DRIVER", options->driver, driver_help)->required();
  command
      ->add_option("--kernel", options->kernel,
                   "For which kernel (default: the running one; in another root the newest)")
      ->type_name("REL");
  command->add_option("--format", options->kind, "The package format; for JSON: vgpukit --format json package DRIVER")
      ->check(CLI::IsMember({"deb", "rpm", "arch"}))
      ->required();
  command->add_option("--output", options->output, "The folder for the package")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_option("--depends", options->depends, "The dependency, instead of the kernel's package")
      ->type_name("TEXT");
  command->add_option("--revision", options->revision, "The package's number, after the driver's version")
      ->check(CLI::Range(1, 9999))
      ->capture_default_str();
  command->add_option("--modules", options->modules, "Only these modules, such as nvidia,nvidia-vgpu-vfio")
      ->type_name("MODULE")
      ->delimiter(',');
  command->add_option("--accept", options->accept, "Accept the notice of a recipe")->type_name("NOTICE");
  command->add_option("--jobs", options->jobs, "Compilers at once (default: one for each processor)")
      ->check(CLI::Range(1, 1024));
  set_action(command, globals, action, options, package);
}

}  // namespace vgpukit::cli
