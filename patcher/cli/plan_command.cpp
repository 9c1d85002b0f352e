#include <unistd.h>

#include <future>

#include "build/report_parts.hpp"
#include "build/work_tree.hpp"
#include "cli/cli.hpp"
#include "cli/plan_text.hpp"
#include "cli/progress.hpp"
#include "driver/run_file_repack.hpp"
#include "history/history.hpp"
#include "support/atomic_file.hpp"
#include "support/output_folder.hpp"

namespace vgpukit::cli {

namespace {

struct PlanOptions {
  std::string driver;
  std::string kernel;
  std::vector<std::string> accept;
  std::vector<std::string> without;
  PlanExtras extras;
  std::string output;
  std::string repack;
  bool series = false;
  bool keep_going = false;
};

struct Inputs {
  recipe::Catalogue catalogue;
  std::set<std::string> accepted;
  driver::Driver driver;
  kernel::Facts facts;
};

Result<Inputs> open_inputs(const Globals& globals, const PlanOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY_ASSIGN(auto assumptions, assumptions_of(globals));
  // The kernel, the recipes and the driver are independent and read in parallel. The names of --accept are not checked
  // yet; accepted names can only add a kernel whose compiler is not installed, and that is tried again below.
  auto asking = std::async(std::launch::async, [&]() -> Result<kernel::Facts> {
    TRY_ASSIGN(auto kernel, kernel_of(host, options.kernel, {options.accept.begin(), options.accept.end()}));
    kernel::Facts facts(std::move(kernel), assumptions);
    facts.read_ahead();
    return facts;
  });
  auto reading = std::async(std::launch::async, [&] { return recipes_of(globals, options.without); });
  auto opened = driver_of(globals, host, options.driver);
  TRY_ASSIGN(auto recipes, reading.get());
  TRY_ASSIGN(auto accepted, accepted_of(host, recipes.known(), options.accept));
  TRY_ASSIGN(auto driver, std::move(opened));
  if (auto facts = asking.get())
    return Inputs{std::move(recipes.applied), std::move(accepted), std::move(driver), *std::move(facts)};
  TRY_ASSIGN(auto kernel, kernel_of(host, options.kernel, accepted));
  return Inputs{std::move(recipes.applied), std::move(accepted), std::move(driver),
                kernel::Facts(std::move(kernel), std::move(assumptions))};
}

Result<Exit> plan(const Globals& globals, const PlanOptions& options) {
  TRY_ASSIGN(auto inputs, open_inputs(globals, options));
  TRY_ASSIGN(const auto shown,
             show_plan(globals, inputs.driver, inputs.facts, inputs.catalogue, inputs.accepted, options.extras));
  if (globals.json()) print_json(shown.document);
  // A plan in which a recipe needs consent is complete; one in which a recipe cannot be applied has failed.
  return shown.code == Exit::failed ? shown.code : Exit::done;
}

Result<Exit> say_patched(const Globals& globals, const std::string& release, const recipe::Plan& plan,
                         const std::vector<std::string>& files, const fs::path& target) {
  if (globals.json()) {
    print_json(nlohmann::json{
        {"result", "patched"}, {"output", target.string()}, {"files", files}, {"recipes", build::recipe_parts(plan)}});
    return Exit::done;
  }
  const auto applied = plan.applied().size();
  print(std::to_string(applied) + (applied == 1 ? " recipe" : " recipes") + " applied for " + release + ":\n");
  for (const auto& file : files) print("  " + file + "\n");
  return Exit::done;
}

Result<Exit> patch(const Globals& globals, const PlanOptions& options) {
  if (options.output.empty() == options.repack.empty())
    return Error{ErrorKind::usage, "write the patched driver",
                 options.output.empty() ? "no place is named" : "two places are named",
                 "give either --output DIR for the tree, or --repack FILE.run for an installer"};
  if (options.series && options.output.empty())
    return Error{ErrorKind::usage, "write the series", "--series writes to the folder of --output", "name that folder"};
  TRY_ASSIGN(auto inputs, open_inputs(globals, options));
  const bool repack = !options.repack.empty();
  const auto target = fs::absolute(repack ? options.repack : options.output).lexically_normal();
  const auto may_write = [&] { return check_output_folder(target, "write the patched tree to " + target.string()); };
  if (!repack) TRY(may_write());
  TRY_ASSIGN(auto tree, transform::SourceTree::open(inputs.driver.sources));
  TRY_ASSIGN(const auto plan, recipe::make_plan(inputs.catalogue, inputs.driver, inputs.facts, tree, inputs.accepted));
  const auto style = style_of(globals, STDOUT_FILENO);
  if (plan.has(recipe::Decision::needs_consent)) {
    if (globals.json())
      print_json(nlohmann::json{
          {"result", "consent"}, {"notices", build::notice_parts(plan, {})}, {"recipes", build::recipe_parts(plan)}});
    else
      print(notices_text(build::notice_parts(plan, {}), style));
    return Exit::consent;
  }
  if (plan.has(recipe::Decision::cannot) && !options.keep_going) {
    if (globals.json())
      print_json(nlohmann::json{{"result", "failed"}, {"recipes", build::recipe_parts(plan)}});
    else
      print(recipes_text(build::recipe_parts(plan), style, /*brief=*/true) +
            "\nNothing was written; --keep-going writes the tree without these.\n");
    return Exit::failed;
  }
  if (repack) {
    Progress progress(target.filename().string(), shows_progress(globals));
    TRY(driver::repack_run_file(inputs.driver, tree.edits(), target,
                                [&](const driver::PackageProgress& state) { progress.show(state); }));
    progress.clear();
    return say_patched(globals, inputs.facts.kernel().release, plan, {target.string()}, target);
  }
  std::vector<std::string> files;
  TRY_ASSIGN(auto staged, StagedFolder::beside(target));
  if (options.series) {
    TRY_ASSIGN(const auto history, history::record_history({}, inputs.driver, inputs.facts.kernel(), tree, plan));
    TRY_ASSIGN(const auto mails, history.series());
    for (const auto& [name, mail] : mails) {
      TRY(write_file(staged.held_path() / name, mail));
      files.push_back((target / name).string());
    }
  } else {
    TRY(build::write_patched_tree(inputs.driver, tree, staged.held_path()));
    // libgit2 writes to what a path leads to, and another user may own the folder above.
    const auto& kernel = inputs.facts.kernel();
    TRY_ASSIGN(const auto made, StagedFolder::beside(kernel.host.cache / "work/history"));
    TRY_ASSIGN(auto history, history::record_history(made.path(), inputs.driver, kernel, tree, plan));
    TRY(history.finish());
    std::error_code bad;
    fs::copy(made.path() / ".git", staged.held_path() / ".git", fs::copy_options::recursive, bad);
    if (bad) return Error{ErrorKind::missing, "write the history to " + target.string(), bad.message(), ""};
    files.push_back(target.string());
  }
  TRY(staged.commit(/*durable=*/false, may_write));
  TRY(say_patched(globals, inputs.facts.kernel().release, plan, files, target));
  if (!globals.json() && !options.series)
    print("It is a git repository: git -C " + target.string() + " log -p shows each change with its reason.\n");
  return Exit::done;
}

void common(CLI::App& command, PlanOptions& options) {
  command
      .add_option("DRIVER", options.driver,
                  "Folder, .run, .zip, tarball, version, branch (535, 535.xxx) or 'reference'")
      ->required();
  command.add_option("--kernel", options.kernel, "running (the default), newest, or a release")->type_name("REL");
  command.add_option("--accept", options.accept, "Accept the notice of a recipe")->type_name("NOTICE");
  command.add_option("--without", options.without, "Leave this recipe out")->type_name("RECIPE");
}

}  // namespace

void add_plan(CLI::App& app, Globals& globals, Action& action) {
  {
    auto* command =
        app.add_subcommand("plan", "Show for every recipe whether it applies to this driver on this kernel, and why");
    auto options = std::make_shared<PlanOptions>();
    common(*command, *options);
    command->add_flag("--diff", options->extras.diff, "Show what the recipes change as a unified diff");
    command->add_flag("--facts", options->extras.facts, "Show the facts about the kernel that were asked for");
    command->add_flag("--strict", options->extras.strict, "End with 1 if a recipe cannot be applied");
    command
        ->add_option("--modules", options->extras.modules,
                     "The modules that will be built: a recipe for another one that cannot be applied is not needed")
        ->type_name("MODULE")
        ->delimiter(',');
    set_action(command, globals, action, options, plan);
  }
  auto* command =
      app.add_subcommand("patch", "Write the patched tree, or the changes as a git-am series, and build nothing");
  auto options = std::make_shared<PlanOptions>();
  common(*command, *options);
  command->add_option("--output", options->output, "The folder to write to: new or empty")->type_name("DIR");
  command
      ->add_option("--repack", options->repack,
                   "Write a new installer (.run) with the patched sources instead of a folder")
      ->type_name("FILE.run");
  command->add_flag("--series", options->series, "Write one mail for each recipe (git am) instead of the tree");
  command->add_flag("--keep-going", options->keep_going, "Go on without a recipe that is needed and cannot be applied");
  set_action(command, globals, action, options, patch);
}

}  // namespace vgpukit::cli
