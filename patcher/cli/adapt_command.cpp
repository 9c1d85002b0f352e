#include <unistd.h>

#include <algorithm>

#include "adapt/adapt.hpp"
#include "adapt/leave_one_out.hpp"
#include "cli/cli.hpp"
#include "cli/matrix_command.hpp"
#include "cli/progress.hpp"
#include "cli/recipe_command.hpp"
#include "driver/driver_store.hpp"
#include "matrix/grid.hpp"
#include "support/atomic_file.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

namespace {

struct AdaptOptions {
  std::string driver;
  std::string kernel;
  std::string output;
  std::string report;
  std::vector<std::string> modules;
  std::vector<std::string> accept;
  std::vector<std::string> without;
  std::vector<std::string> headers_of;
  std::string repository;
  unsigned jobs = 0;
  std::string exercise;
  bool leave_one_out = false;
};

nlohmann::json json_of(const std::vector<diagnostics::Diagnostic>& errors) {
  auto all = nlohmann::json::array();
  for (const auto& each : errors)
    all.push_back({{"tool", each.tool}, {"file", each.file}, {"line", each.line}, {"message", each.message}});
  return all;
}

nlohmann::json json_of(const adapt::AdaptReport& report) {
  auto proposals = nlohmann::json::array();
  for (const auto& each : report.proposals)
    proposals.push_back({{"id", each.draft.id},
                         {"subject", each.draft.subject},
                         {"change", each.draft.change},
                         {"strategy", each.strategy},
                         {"why", each.why},
                         {"class", adapted_word(each.known)}});
  auto tried = nlohmann::json::array();
  for (const auto& each : report.tried)
    tried.push_back({{"subject", each.subject},
                     {"strategy", each.strategy},
                     {"change", each.change},
                     {"why", each.why},
                     {"result", each.result},
                     {"taken", each.taken}});
  return {{"result", report.before.empty() ? "unchanged"
                     : report.green        ? "green"
                                           : "failed"},
          {"proposals", proposals},
          {"tried", tried},
          {"errors", json_of(report.before)},
          {"left", json_of(report.left)},
          {"history", report.history},
          {"ended", report.ended},
          {"exercise", report.exercise},
          {"seconds", {{"build", report.build_seconds}, {"search", report.search_seconds}}}};
}

void print_errors(const std::vector<diagnostics::Diagnostic>& errors) {
  constexpr std::size_t most = 10;
  for (std::size_t i = 0; i < errors.size() && i < most; ++i)
    print("  " + (errors[i].file.empty() ? errors[i].tool : errors[i].file + ":" + std::to_string(errors[i].line)) +
          ": " + errors[i].message + "\n");
  if (errors.size() > most) print("  and " + std::to_string(errors.size() - most) + " more\n");
}

void print_report(const Globals& globals, const AdaptOptions& options, const adapt::AdaptReport& report,
                  const std::string& release, const fs::path& folder) {
  const auto style = style_of(globals, STDOUT_FILENO);
  for (const auto& each : report.proposals)
    print("  " + style.green(each.draft.id) + "  " + each.draft.change + "\n" +
          wrapped(std::string(adapted_word(each.known)) + ": " + each.why, 6));
  for (const auto& each : report.tried)
    if (!each.taken)
      print("  " + style.dim("tried for " + each.subject + ": " + each.change) + "\n" + wrapped(each.result, 6));
  for (const auto& each : report.history) print(wrapped("repository: " + each, 2));
  if (!report.green) {
    print(style.red("not found: ") + std::to_string(report.left.size()) + " of " +
          std::to_string(report.before.size()) + " errors are left:\n");
    print_errors(report.left);
    print(wrapped("The search ended: " + report.ended + ".", 0));
  }
  if (report.proposals.empty()) return;
  auto accept = options.accept;
  accept.emplace_back("adapted");
  print(std::to_string(report.proposals.size()) + (report.proposals.size() == 1 ? " recipe is" : " recipes are") +
        " in " + folder.string() + ". " +
        (report.exercise.empty() ? "Nothing was tried on a card." : "The modules: " + report.exercise + ".") +
        " Read them, then:\n  vgpukit --recipes " + folder.string() + " build " + shell_word(options.driver) +
        " --kernel " + release + same_options(globals, accept, options.without, options.modules) + "\n");
}

Result<Exit> measure(const Globals& globals, const AdaptOptions& options, kernel::Facts& facts,
                     const adapt::AdaptJob& job) {
  const auto load = [&](const std::vector<std::string>& ids) {
    return catalogue_of(globals, !globals.no_shipped_recipes, ids);
  };
  TRY_ASSIGN(const auto all, adapt::leave_one_out(facts, job, load, options.without, [&](const adapt::LeftOut& each) {
               if (globals.json()) return;
               std::string line = each.recipe + ": " + std::string(outcome_name(each.outcome)) + " (" + each.kind;
               for (const auto& proposal : each.report.proposals) line += "; " + proposal.draft.change;
               char seconds[32];
               std::snprintf(seconds, sizeof seconds, "%.0f s", each.seconds);
               print(line + "; " + seconds + ")\n");
             }));
  if (!globals.json()) return Exit::done;
  auto recipes = nlohmann::json::array();
  for (const auto& each : all) {
    auto document = json_of(each.report);
    document["recipe"] = each.recipe;
    document["kind"] = each.kind;
    document["outcome"] = outcome_name(each.outcome);
    document["seconds"] = each.seconds;
    recipes.push_back(std::move(document));
  }
  print_json({{"driver", job.driver->version.text}, {"kernel", facts.kernel().release}, {"recipes", recipes}});
  return Exit::done;
}

// The later point releases of the driver's branch in the store, the next one first. One that cannot be read is left
// out: it would only be evidence.
std::vector<authoring::LaterRelease> later_releases(const HostPaths& host, const driver::Driver& driver) {
  std::vector<authoring::LaterRelease> all;
  auto stored = driver::DriverStore(host).list();
  if (!stored) return all;
  std::reverse(stored->begin(), stored->end());
  for (const auto& each : *stored) {
    if (each.version.parts.front() != driver.version.parts.front() || !(driver.version < each.version)) continue;
    if (auto sources = transform::SourceTree::open(each.folder))
      all.push_back({each.version.text, *std::move(sources)});
  }
  return all;
}

// Recipes of an earlier run are not replaced: somebody may have read and changed them.
Status check_folder(const fs::path& folder) {
  for (const auto& entry : entries_of(folder))
    if (entry.filename().string().starts_with("adapted-"))
      return Error{ErrorKind::usage, "write recipes to " + folder.string(),
                   "an earlier adapt has written " + entry.filename().string() + " there",
                   "name another folder with --output, or remove it; nothing was tried"};
  return {};
}

Result<Exit> run_adapt(const Globals& globals, const AdaptOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  // With --leave-one-out the recipes of --without are those to measure.
  TRY_ASSIGN(const auto recipes,
             recipes_of(globals, options.leave_one_out ? std::vector<std::string>() : options.without));
  TRY_ASSIGN(const auto accepted, accepted_of(host, recipes.known(), options.accept));
  TRY_ASSIGN(const auto assumptions, assumptions_of(globals));
  TRY_ASSIGN(const auto driver, driver_of(globals, host, options.driver));
  TRY_ASSIGN(auto kernel, kernel_of(host, options.kernel, accepted));
  std::vector<HostPaths> roots = {host};
  for (const auto& root : options.headers_of) {
    TRY_ASSIGN(auto other, HostPaths::of_this_machine(root));
    roots.push_back(std::move(other));
  }
  const auto release = kernel.release;
  const fs::path folder = options.output.empty() ? fs::path("adapted-" + release) : fs::path(options.output);
  if (!options.leave_one_out) TRY(check_folder(folder));
  kernel::Facts facts(std::move(kernel), assumptions);
  Progress progress(release, shows_progress(globals));
  adapt::AdaptJob job;
  job.driver = &driver;
  job.catalogue = &recipes.applied;
  job.accepted = accepted;
  job.modules = options.modules;
  job.headers = adapt::headers_of(roots);
  job.later = later_releases(host, driver);
  job.repository = options.repository;
  job.exercise = split_words(options.exercise);
  job.environment = matrix::program_environment(environment);
  job.jobs = options.jobs > 0 ? options.jobs : default_jobs();
  if (!globals.quiet) job.on_step = [&](std::string_view text) { progress.say(text); };
  if (options.leave_one_out) return measure(globals, options, facts, job);

  TRY_ASSIGN(const auto report, adapt::adapt(facts, job));
  progress.clear();
  if (!options.report.empty()) TRY(write_file(options.report, text_of(report, driver, facts.kernel())));
  std::vector<authoring::Draft> drafts;
  for (const auto& each : report.proposals) drafts.push_back(each.draft);
  TRY(write_drafts(drafts, folder));
  if (globals.json()) {
    auto document = json_of(report);
    document["kernel"] = release;
    document["driver"] = driver.version.text;
    document["folder"] = drafts.empty() ? "" : folder.string();
    print_json(document);
  } else if (report.before.empty()) {
    print(driver.version.text + " builds for " + release + " without a proposal.\n");
  } else {
    print_report(globals, options, report, release, folder);
  }
  return report.green ? Exit::done : Exit::failed;
}

}  // namespace

void add_adapt(CLI::App& app, Globals& globals, Action& action) {
  auto* command = app.add_subcommand(
      "adapt",
      "Propose recipes for the errors that no recipe explains, and try them by compiling; nothing is installed");
  auto options = std::make_shared<AdaptOptions>();
  command->add_option("DRIVER", options->driver, driver_help)->required();
  command->add_option("--kernel", options->kernel, "running (the default), newest, or a release")->type_name("REL");
  command->add_option("--output", options->output, "The folder for the recipes (default: adapted-REL)")
      ->type_name("DIR");
  command
      ->add_option("--report", options->report, "Write what was tried and proposed as a text, to send it to somebody")
      ->type_name("FILE");
  command->add_option("--modules", options->modules, "Only these modules, such as nvidia,nvidia-vgpu-vfio")
      ->type_name("MODULE")
      ->delimiter(',');
  command->add_option("--accept", options->accept, "Accept the notice of a recipe")->type_name("NOTICE");
  command->add_option("--without", options->without, "Leave this recipe out")->type_name("RECIPE");
  command
      ->add_option("--headers-of", options->headers_of,
                   "Another root whose kernel headers show what older kernels declared")
      ->type_name("DIR");
  command
      ->add_option("--repository", options->repository,
                   "A clone of the kernel's repository: its commits show how the kernel's own callers changed")
      ->type_name("DIR");
  command
      ->add_option("--exercise", options->exercise,
                   "A program that uses the modules, with its first arguments, as `works` of a matrix file")
      ->type_name("PROGRAM");
  command->add_option("--jobs", options->jobs, "Compilers at once (default: one for each processor)")
      ->check(CLI::Range(1, 1024));
  command->add_flag("--leave-one-out", options->leave_one_out,
                    "Measure: take each recipe away (or those of --without), one at a time, and look for "
                    "it");
  set_action(command, globals, action, options, run_adapt);
}

}  // namespace vgpukit::cli
