#include <unistd.h>

#include <algorithm>

#include "build/draft.hpp"
#include "cli/cli.hpp"
#include "kernel/header_folders.hpp"
#include "support/atomic_file.hpp"

namespace vgpukit::cli {

namespace {

struct Options {
  std::string log;
  std::string kernel;
  std::string output;
};

Result<std::string> release_of(const Options& options, const BuildLog& log, const std::vector<std::string>& releases) {
  const std::string release = options.kernel.empty() ? log.release : options.kernel;
  if (std::find(releases.begin(), releases.end(), release) != releases.end()) return release;
  std::string known;
  for (const auto& each : releases) known += (known.empty() ? "" : ", ") + each;
  if (known.empty())
    return Error{Exit::missing, "look up what the log's errors are about", "no kernel here has its headers installed",
                 "install them, or name another root with --root"};
  if (release.empty())
    return Error{Exit::usage, "tell which kernel " + options.log + " is about",
                 "it names none of those that have their headers here", "name it with --kernel; here are: " + known};
  return Error{Exit::usage, "look up what the log's errors are about", "the kernel " + release + " has no headers here",
               "here are: " + known};
}

Result<Exit> draft(const Globals& globals, const Options& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  const auto headers = list_headers(host);
  std::vector<std::string> releases;
  for (const auto& each : headers) releases.push_back(each.release);
  TRY_ASSIGN(const auto log, read_build_log(options.log, releases));
  if (log.errors.empty())
    return Error{Exit::usage, "draft recipes from " + options.log, "the build in this log has no error",
                 "give the log of a build that failed"};
  const auto causes = causes_of(log.errors);
  if (causes.subjects.empty())
    return Error{Exit::usage, "draft recipes from " + options.log,
                 "none of its " + std::to_string(log.errors.size()) +
                     " errors is about something of the kernel: " + log.errors.front().message,
                 "vgpukit build says what each error means"};
  TRY_ASSIGN(const auto release, release_of(options, log, releases));
  const auto drafts = draft_recipes(survey(headers, release, causes.subjects, {}), log.errors, causes, release);

  const fs::path folder = options.output.empty() ? fs::path("recipes-" + release) : fs::path(options.output);
  std::error_code bad;
  for (const auto& each : drafts)
    if (fs::exists(folder / (each.id + ".yaml"), bad))
      return Error{Exit::usage, "write the draft " + (folder / (each.id + ".yaml")).string(), "there is such a file already",
                   "name another folder with --output, or remove it; nothing was written"};
  for (const auto& each : drafts) TRY(write_file(folder / (each.id + ".yaml"), each.text));

  if (globals.json()) {
    nlohmann::json all = nlohmann::json::array();
    for (const auto& each : drafts)
      all.push_back(
          {{"id", each.id}, {"file", (folder / (each.id + ".yaml")).string()}, {"subject", each.subject}, {"change", each.change}});
    print_json(nlohmann::json{{"kernel", release}, {"drafts", all}, {"other_errors", causes.others.size()}});
    return Exit::done;
  }
  const auto style = style_of(globals, STDOUT_FILENO);
  const auto finished = std::count_if(drafts.begin(), drafts.end(), [](const Draft& each) { return !each.change.empty(); });
  print(std::to_string(drafts.size()) + (drafts.size() == 1 ? " draft" : " drafts") + " for " + release + " in " + folder.string() +
        ", " + std::to_string(finished) + " of them with a change that can be tried:\n");
  for (const auto& each : drafts)
    print("  " + style.bold(each.id) + "  " +
          (each.change.empty() ? style.yellow("TODO: " + each.subject) : style.green(each.change)) + "\n");
  if (!causes.others.empty())
    print(std::to_string(causes.others.size()) + (causes.others.size() == 1 ? " error names" : " errors name") +
          " nothing of the kernel, and most likely follow from these.\n");
  print("next: finish the lines with TODO (docs/recipes.md), then\n  vgpukit plan DRIVER --kernel " + release + " --recipes " +
        folder.string() + "\n");
  return Exit::done;
}

}  // namespace

void add_recipe_new(CLI::App& recipe, Globals& globals, Action& action) {
  auto* command = recipe.add_subcommand("new", "Draft recipes from the log of a build that failed");
  auto options = std::make_shared<Options>();
  command->add_option("--from-log", options->log, "The log: STATE/logs/*.log, or what make or dkms printed")
      ->type_name("FILE")
      ->required();
  command->add_option("--kernel", options->kernel, "The release that was built for, where the log does not tell")->type_name("REL");
  command->add_option("--output", options->output, "The folder for the drafts (default: recipes-REL)")->type_name("DIR");
  command->callback([&globals, &action, options] { action = [&globals, options] { return draft(globals, *options); }; });
}

}  // namespace vgpukit::cli
