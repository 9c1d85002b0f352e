#include <unistd.h>

#include <chrono>
#include <future>
#include <optional>

#include "build/job.hpp"
#include "cli/build_text.hpp"
#include "cli/cli.hpp"
#include "cli/plan_text.hpp"
#include "cli/progress.hpp"
#include "support/interrupt.hpp"
#include "support/log.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

namespace {

struct BuildOptions {
  std::string driver;
  std::vector<std::string> kernels;
  std::string output;
  std::vector<std::string> modules;
  unsigned jobs = 0;
  std::vector<std::string> accept;
  std::vector<std::string> without;
  bool compile_only = false;
  bool strict = false;
  bool keep_going = false;  // has no effect: it is what happens without --strict
  bool dry_run = false;
  bool debug_info = false;
  bool first_error_only = false;
  bool keep_objects = false;
};

// "", or the same kernels for another command.
std::string kernel_options(const std::vector<std::string>& kernels) {
  std::string text;
  for (const auto& kernel : kernels) text += " --kernel " + shell_word(kernel);
  return text;
}

Result<Exit> build(const Globals& globals, const BuildOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY_ASSIGN(const auto recipes, recipes_of(globals, options.without));
  TRY_ASSIGN(const auto accepted, accepted_of(host, recipes.known(), options.accept));
  TRY_ASSIGN(const auto assumptions, assumptions_of(globals));
  const auto start = std::chrono::steady_clock::now();
  auto opening = std::async(std::launch::async, [&] { return driver_of(globals, host, options.driver); });
  auto kernels_found = kernels_of(host, options.kernels, accepted);
  // Unpacking a package takes seconds on one processor; another one meanwhile builds the probe. An error of the probe
  // is reported later, when its result is needed.
  std::optional<kernel::Facts> first;
  if (kernels_found) first.emplace(std::move(kernels_found->front()), assumptions);
  if (first && opening.wait_for(std::chrono::milliseconds(100)) == std::future_status::timeout)
    static_cast<void>(static_cast<bool>(first->probe()));
  TRY_ASSIGN(const auto driver, opening.get());
  const std::chrono::duration<double> extract = std::chrono::steady_clock::now() - start;
  TRY_ASSIGN(auto kernels, std::move(kernels_found));
  if (!options.output.empty() && kernels.size() > 1)
    return Error{ErrorKind::usage,
                 "put modules for " + std::to_string(kernels.size()) + " kernels into " + options.output,
                 "--output names one folder",
                 "name one kernel, or leave --output out: each kernel then has a folder of its own"};

  const auto same_build =
      shell_word(options.driver) + same_options(globals, options.accept, options.without, options.modules);
  nlohmann::json documents = nlohmann::json::array();
  Exit worst = Exit::done;
  for (auto& kernel : kernels) {
    kernel::Facts facts = first ? std::move(*first) : kernel::Facts(std::move(kernel), assumptions);
    first.reset();
    const auto release = facts.kernel().release;
    if (options.dry_run) {
      TRY_ASSIGN(auto shown, show_plan(globals, driver, facts, recipes.applied, accepted,
                                       {false, false, options.strict, options.modules}));
      documents.push_back(std::move(shown.document));
      if (worst == Exit::done) worst = shown.code;
      continue;
    }
    Progress progress(release, shows_progress(globals));
    build::BuildJob job;
    job.driver = &driver;
    job.catalogue = &recipes.applied;
    job.explanations = &recipes.known();
    job.accepted = accepted;
    job.modules = options.modules;
    if (!options.output.empty()) job.output = fs::absolute(options.output).lexically_normal();
    job.jobs = options.jobs > 0 ? options.jobs : default_jobs();
    job.debug_info = options.debug_info;
    job.compile_only = options.compile_only;
    job.keep_objects = options.keep_objects;
    if (options.strict) job.strict = recipe::Strict::all;
    job.first_error_only = options.first_error_only;
    job.extract_seconds = extract.count();
    job.on_progress = [&](const build::BuildProgress& state) { progress.show(state); };
    job.on_step = [&](std::string_view text) { progress.say(text); };
    const auto report = build::run_build(facts, job);
    progress.clear();
    if (!report) {
      // An error for one of several kernels does not stop the others; Ctrl-C does.
      if (kernels.size() == 1 || Interrupt::caught() != 0) return report.error();
      log::error(release + ": " + report.error().message());
      auto document = error_json(report.error());
      document["kernel"] = {{"release", release}};
      documents.push_back(std::move(document));
      if (worst == Exit::done) worst = exit_of(report.error().kind);
      continue;
    }
    if (globals.json())
      documents.push_back(*report);
    else
      print_build_report(*report, globals, same_build);
    if (worst == Exit::done) worst = exit_of_build(*report);
  }
  if (globals.json())
    print_json(documents.size() == 1 ? documents[0]
                                     : nlohmann::json{{options.dry_run ? "plans" : "builds", documents}});
  // The reference driver is for trying vgpukit: nobody installs it.
  if (worst == Exit::done && !options.dry_run && !options.compile_only && !globals.json() && !globals.quiet &&
      options.driver != "reference")
    print("\nTo install it, now and for later kernels:\n  vgpukit install " + same_build +
          (driver.package ? "" : " --without-nvidia-installer") + kernel_options(options.kernels) + "\n");
  return worst;
}

}  // namespace

void add_build(CLI::App& app, Globals& globals, Action& action) {
  auto* command = app.add_subcommand(
      "build", "Patch a driver for a kernel, build its modules and verify that the kernel would load them");
  auto options = std::make_shared<BuildOptions>();
  command->add_option("DRIVER", options->driver, driver_help)->required();
  command->add_option("--kernel", options->kernels, "running (the default), newest, all, or a release")
      ->type_name("REL");
  command
      ->add_option("--output", options->output, "The folder that gets the modules: new, empty, or of an earlier build")
      ->type_name("DIR");
  command->add_option("--modules", options->modules, "Only these modules, such as nvidia,nvidia-vgpu-vfio")
      ->type_name("MODULE")
      ->delimiter(',');
  command->add_option("--jobs", options->jobs, "Compilers at once (default: one for each processor)")
      ->check(CLI::Range(1, 1024));
  command->add_option("--accept", options->accept, "Accept the notice of a recipe")->type_name("NOTICE");
  command->add_option("--without", options->without, "Leave this recipe out")->type_name("RECIPE");
  command->add_flag("--compile-only", options->compile_only,
                    "Compile and verify, deliver no modules; a missing binary object is tolerated");
  command->add_flag("--strict", options->strict,
                    "End if a recipe cannot be applied; otherwise the compiler decides whether it is needed");
  command->add_flag("--keep-going", options->keep_going)->group("");
  command->add_flag("--first-error-only", options->first_error_only,
                    "Stop at the first error; the default is to collect all");
  command->add_flag(
      "--keep-objects", options->keep_objects,
      "Do not remove the tree with its objects: the next such build compiles only what a recipe has changed");
  command->add_flag("--debug-info", options->debug_info,
                    "Debug information and BTF as the kernel was built with (slower, larger)");
  command->add_flag("--dry-run", options->dry_run, "Show the plan and build nothing");
  set_action(command, globals, action, options, build);
}

}  // namespace vgpukit::cli
