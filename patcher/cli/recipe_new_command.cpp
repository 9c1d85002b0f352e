#include <unistd.h>

#include <algorithm>

#include "authoring/commit_draft.hpp"
#include "authoring/draft.hpp"
#include "cli/recipe_command.hpp"
#include "diagnostics/build_log.hpp"
#include "kernel/kernel_headers.hpp"
#include "recipe/parse_recipe.hpp"
#include "support/atomic_file.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

namespace {

struct RecipeNewOptions {
  std::string log;
  std::string commit;
  std::string repository = ".";
  std::string kernel;
  std::string output;
};

nlohmann::json json_of(const std::vector<authoring::Draft>& drafts, const fs::path& folder) {
  nlohmann::json all = nlohmann::json::array();
  for (const auto& each : drafts)
    all.push_back({{"id", each.id},
                   {"file", (folder / (each.id + ".yaml")).string()},
                   {"subject", each.subject},
                   {"change", each.change}});
  return all;
}

void print_drafts(const Globals& globals, const std::vector<authoring::Draft>& drafts, const std::string& what,
                  const fs::path& folder) {
  const auto style = style_of(globals, STDOUT_FILENO);
  const auto finished =
      std::count_if(drafts.begin(), drafts.end(), [](const authoring::Draft& each) { return !each.change.empty(); });
  print(std::to_string(drafts.size()) + (drafts.size() == 1 ? " draft " : " drafts ") + what + " in " +
        folder.string() + ", " + std::to_string(finished) + " of them with a change that can be tried:\n");
  for (const auto& each : drafts)
    print("  " + style.bold(each.id) + "  " +
          (each.change.empty() ? style.yellow("TODO: " + each.subject) : style.green(each.change)) + "\n");
}

// A file is a mail of git format-patch; otherwise it is a commit of the repository.
Result<authoring::KernelCommit> commit_of(const RecipeNewOptions& options) {
  std::error_code bad;
  if (fs::is_regular_file(options.commit, bad)) return authoring::commit_of_mail(options.commit);
  return authoring::commit_of_repository(options.repository, options.commit);
}

Result<Exit> draft_of_commit(const Globals& globals, const RecipeNewOptions& options) {
  TRY_ASSIGN(const auto commit, commit_of(options));
  TRY_ASSIGN(const auto made, authoring::draft_from_commit(commit));
  const auto name = commit.id.empty() ? fs::path(options.commit).stem().string() : commit.id.substr(0, 12);
  const fs::path folder = options.output.empty() ? fs::path("recipes-" + name) : fs::path(options.output);
  TRY(write_drafts(made.drafts, folder));
  if (globals.json()) {
    print_json(nlohmann::json{{"commit", {{"id", commit.id}, {"subject", commit.subject}, {"release", commit.release}}},
                              {"drafts", json_of(made.drafts, folder)},
                              {"moved", made.moved}});
    return Exit::done;
  }
  if (!commit.subject.empty())
    print(commit.subject + (commit.release.empty() ? "" : " (" + commit.release + ")") + "\n");
  print_drafts(globals, made.drafts, "of " + name, folder);
  for (const auto& each : made.moved) print("  moved to another header: " + each + "\n");
  print("next: finish the lines with TODO (docs/recipes.md), then\n  vgpukit plan DRIVER --kernel REL --recipes " +
        folder.string() + "\n");
  return Exit::done;
}

Result<std::string> release_of(const RecipeNewOptions& options, const diagnostics::BuildLog& log,
                               const std::vector<std::string>& releases) {
  const std::string release = options.kernel.empty() ? log.release : options.kernel;
  if (std::find(releases.begin(), releases.end(), release) != releases.end()) return release;
  const auto known = join(releases, ", ");
  if (known.empty())
    return Error{ErrorKind::missing, "look up what the log's errors are about",
                 "no kernel here has its headers installed", "install them, or name another root with --root"};
  if (release.empty())
    return Error{ErrorKind::usage, "find out which kernel " + options.log + " is about",
                 "it names no kernel that has headers here", "name it with --kernel; here are: " + known};
  return Error{ErrorKind::usage, "look up what the log's errors are about",
               "the kernel " + release + " has no headers here", "here are: " + known};
}

Result<Exit> draft(const Globals& globals, const RecipeNewOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  const auto headers = kernel::list_headers(host);
  std::vector<std::string> releases;
  for (const auto& each : headers) releases.push_back(each.release);
  TRY_ASSIGN(const auto log, diagnostics::read_build_log(options.log, releases));
  if (log.errors.empty())
    return Error{ErrorKind::usage, "draft recipes from " + options.log, "the build in this log has no error",
                 "give the log of a build that failed"};
  const auto causes = diagnostics::causes_of(log.errors);
  if (causes.subjects.empty())
    return Error{ErrorKind::usage, "draft recipes from " + options.log,
                 "none of its " + std::to_string(log.errors.size()) +
                     " errors is about something of the kernel: " + log.errors.front().message,
                 "vgpukit build explains each error"};
  TRY_ASSIGN(const auto release, release_of(options, log, releases));
  const auto drafts = authoring::draft_recipes(diagnostics::find_api_changes(headers, release, causes.subjects, {}),
                                               log.errors, causes, release);

  const fs::path folder = options.output.empty() ? fs::path("recipes-" + release) : fs::path(options.output);
  TRY(write_drafts(drafts, folder));
  if (globals.json()) {
    print_json(nlohmann::json{
        {"kernel", release}, {"drafts", json_of(drafts, folder)}, {"other_errors", causes.others.size()}});
    return Exit::done;
  }
  print_drafts(globals, drafts, "for " + release, folder);
  if (!causes.others.empty())
    print(std::to_string(causes.others.size()) + (causes.others.size() == 1 ? " error names" : " errors name") +
          " nothing of the kernel; most likely they follow from these.\n");
  print("next: finish the lines with TODO (docs/recipes.md), then\n  vgpukit plan DRIVER --kernel " + release +
        " --recipes " + folder.string() + "\n");
  return Exit::done;
}

}  // namespace

Status write_drafts(const std::vector<authoring::Draft>& drafts, const fs::path& folder) {
  std::error_code bad;
  for (const auto& each : drafts)
    if (fs::exists(folder / (each.id + ".yaml"), bad))
      return Error{ErrorKind::usage, "write the draft " + (folder / (each.id + ".yaml")).string(),
                   "there is such a file already",
                   "name another folder with --output, or remove it; nothing was written"};
  for (const auto& each : drafts) {
    // A draft that cannot be parsed is an error of vgpukit: it is not written.
    if (const auto loads = recipe::parse_recipe(each.text, (folder / (each.id + ".yaml")).string(), folder / "patches");
        !loads)
      return loads.error();
  }
  for (const auto& each : drafts) TRY(write_file(folder / (each.id + ".yaml"), each.text));
  return {};
}

void add_recipe_new(CLI::App& recipe, Globals& globals, Action& action) {
  auto* command =
      recipe.add_subcommand("new", "Draft recipes from the log of a build that failed, or from a commit of the kernel");
  auto options = std::make_shared<RecipeNewOptions>();
  auto* from = command->add_option_group("from", "The source of the drafts");
  auto* log = from->add_option("--from-log", options->log, "The log: STATE/logs/*.log, or the output of make or dkms")
                  ->type_name("FILE");
  auto* commit = from->add_option("--from-commit", options->commit,
                                  "A commit of the kernel's repository, or a file of git format-patch")
                     ->type_name("COMMIT|FILE");
  from->require_option(1);
  command
      ->add_option("--repository", options->repository,
                   "The clone of the kernel's repository that has the commit (default: that of the current folder)")
      ->type_name("DIR")
      ->needs(commit);
  command->add_option("--kernel", options->kernel, "The release that was built for, if the log does not name it")
      ->type_name("REL")
      ->needs(log);
  command->add_option("--output", options->output, "The folder for the drafts (default: recipes-REL or recipes-COMMIT)")
      ->type_name("DIR");
  command->callback([&globals, &action, options] {
    action = [&globals, options] {
      return options->commit.empty() ? draft(globals, *options) : draft_of_commit(globals, *options);
    };
  });
}

}  // namespace vgpukit::cli
