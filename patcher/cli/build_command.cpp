#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <future>
#include <optional>

#include "build/job.hpp"
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

std::string seconds(const build::BuildReport& report, const char* what) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", report.seconds.contains(what) ? report.seconds.at(what) : 0.0);
  return text;
}

// "      was in   linux/timer.h:234 of 6.12.117  int del_timer(struct timer_list *timer)", with the text cut.
std::string fact_line(const char* what, const std::string& place, std::string text, const Style& style) {
  constexpr std::size_t most = 110;  // characters
  if (text.size() > most) text = text.substr(0, most - 3) + "...";
  return std::string("      ") + what + place + (text.empty() ? "" : style.dim("  " + text)) + "\n";
}

// What the headers say about the name that an error is about.
std::string api_change_text(const build::BuildReport::ErrorPart& error, const Style& style) {
  if (error.subject.empty()) return {};
  std::string text = "    about " + style.bold(error.subject) + "\n";
  const bool same = !error.declared_before.empty() && !error.declared_now.empty() &&
                    error.declared_before.front().text == error.declared_now.front().text;
  for (const auto& before : error.declared_before)
    if (!same) text += fact_line("was in   ", before.place + " of " + before.kernel, before.text, style);
  for (const auto& now : error.declared_now)
    text += fact_line("is in    ",
                      now.place + (same ? ", as in " + error.declared_before.front().kernel : " of " + now.kernel),
                      now.text, style);
  for (const auto& near : error.nearest) {
    text += fact_line("near     ", style.bold(near.name) + ", " + near.place, near.text, style);
    if (!near.why.empty()) text += fact_line("         ", "(" + near.why + ")", "", style);
  }
  if (error.declared_before.empty() && error.declared_now.empty() && error.nearest.empty() && error.conftest.empty())
    text += "      nothing found about it in the headers of the kernels here\n";
  if (!error.follows.empty()) text += fact_line("follows  ", "from " + error.follows + ", see there", "", style);
  if (!error.conftest.empty()) text += fact_line("conftest ", error.conftest, "", style);
  return text;
}

void print_error(const build::BuildReport::ErrorPart& error, const Style& style, bool with_hint) {
  std::string place = error.file;
  if (error.line > 0) place += ":" + std::to_string(error.line);
  std::string text = "  " + style.bold(place.empty() ? error.tool : place) + ": " + error.message + "\n";
  if (!error.more.empty())
    text += style.dim("    and in " + std::to_string(error.more.size()) + " more place" +
                      (error.more.size() == 1 ? "" : "s") + ": " + error.more.front() +
                      (error.more.size() > 1 ? " ..." : "") + "\n");
  if (with_hint && !error.hint.empty()) text += wrapped("-> " + error.hint, 4);
  print(text);
}

// Prints errors about the same name together, after the first of them, which has what is known of the name.
void print_errors(const build::BuildReport& report, const Style& style) {
  std::set<std::string> printed;
  for (const auto& error : report.errors) {
    if (!error.subject.empty() && !printed.insert(error.subject).second) continue;
    print("\n");
    print_error(error, style, true);
    print(api_change_text(error, style));
    if (error.subject.empty()) continue;
    for (const auto& other : report.errors)
      if (&other != &error && other.subject == error.subject) print_error(other, style, other.hint != error.hint);
  }
  if (printed.empty() || report.log.empty()) return;
  print("\n" + std::to_string(printed.size()) + (printed.size() == 1 ? " name" : " names") +
        " of the kernel in these errors, and no recipe that was applied covers them. To start recipes:\n"
        "  vgpukit recipe new --from-log " +
        report.log + " --kernel " + report.kernel.release +
        (report.kernel.root == "/" ? "" : " --root " + report.kernel.root) +
        "\ndocs/guides/writing-a-recipe.md goes on from there.\n");
}

void print_warnings(const build::BuildReport& report, const Style& style) {
  for (const auto& warning : report.warnings) {
    if (warning.tool != "verify" && warning.tool != "package" && warning.tool != "compiler" &&
        warning.tool != "conftest" && warning.tool != "facts" && warning.tool != "recipe")
      continue;  // the compiler's own are in the log
    const std::string place = warning.file + (warning.line > 0 ? ":" + std::to_string(warning.line) : "");
    print(style.yellow("warning: ") + (place.empty() ? "" : place + ": ") + warning.message + "\n" +
          wrapped("-> " + warning.hint, 4));
  }
}

void print_report(const build::BuildReport& report, const Globals& globals) {
  const auto style = style_of(globals, STDOUT_FILENO);
  print(
      style.bold("NVIDIA " + report.driver.version + " (" + report.driver.flavour + ") for " + report.kernel.release) +
      ", " + report.kernel.compiler + "\n");
  if (report.result == build::BuildReport::Result::consent) {
    print(notices_text(report.notices, style));
    return;
  }
  if (!globals.quiet) print(recipes_text(report.recipes, style, /*brief=*/true));
  if (report.result == build::BuildReport::Result::built) {
    print("\n" +
          style.green(report.output.empty() ? "compiled and verified, no modules delivered"
                      : report.unchanged    ? "nothing has changed since it was built and verified"
                                            : "built and verified") +
          (report.unchanged ? ""
                            : " in " + seconds(report, "total") + " s (conftest " + seconds(report, "conftest") +
                                  ", compile " + seconds(report, "compile") + ")") +
          ":\n");
    for (const auto& module : report.modules)
      print("  " + (module.path.empty() ? module.name : module.path) + "  " + style.dim(human_bytes(module.bytes)) +
            "\n");
    print_warnings(report, style);
    if (!report.notices.empty()) {
      const auto names = join(report.notices, ", ", [](const auto& notice) { return notice.name; });
      const bool of_recipe = std::any_of(report.notices.begin(), report.notices.end(),
                                         [](const auto& notice) { return !notice.recipe.empty(); });
      print(style.yellow("accepted: ") + names +
            (of_recipe ? ". These modules are for this machine, not for distribution.\n" : "\n"));
    }
  } else {
    print("\n" + style.red("not built") + ": " + std::to_string(report.errors.size()) +
          (report.errors.size() == 1 ? " error" : " errors") +
          (report.log.empty() ? "" : " after " + seconds(report, "total") + " s") + "\n");
    print_errors(report, style);
    print("\n");
    print_warnings(report, style);
  }
  if (!report.log.empty()) print("log: " + report.log + "\n");
}

Exit exit_of_report(const build::BuildReport& report) {
  if (report.result == build::BuildReport::Result::built) return Exit::done;
  return report.result == build::BuildReport::Result::consent ? Exit::consent : Exit::failed;
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
      print_report(*report, globals);
    if (worst == Exit::done) worst = exit_of_report(*report);
  }
  if (globals.json())
    print_json(documents.size() == 1 ? documents[0]
                                     : nlohmann::json{{options.dry_run ? "plans" : "builds", documents}});
  return worst;
}

}  // namespace

void add_build(CLI::App& app, Globals& globals, Action& action) {
  auto* command = app.add_subcommand(
      "build", "Patch a driver for a kernel, build its modules and verify that the kernel would load them");
  auto options = std::make_shared<BuildOptions>();
  command->add_option("DRIVER", options->driver, driver_help)->required();
  command->add_option("--kernel", options->kernels, "running (the default), newest, all, or a release (repeatable)")
      ->type_name("REL");
  command
      ->add_option("--output", options->output, "The folder that gets the modules: new, empty, or of an earlier build")
      ->type_name("DIR");
  command->add_option("--modules", options->modules, "Only these modules, such as nvidia,nvidia-vgpu-vfio")
      ->delimiter(',');
  command->add_option("--jobs", options->jobs, "Compilers at once (default: one for each processor)")
      ->check(CLI::Range(1, 1024));
  command->add_option("--accept", options->accept, "Accept the notice of a recipe (repeatable)")->type_name("NOTICE");
  command->add_option("--without", options->without, "Leave this recipe out (repeatable)")->type_name("RECIPE");
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
