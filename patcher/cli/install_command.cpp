#include <unistd.h>

#include "cli/cli.hpp"
#include "cli/plan_text.hpp"
#include "cli/progress.hpp"
#include "install/install.hpp"
#include "install/install_status.hpp"
#include "install/uninstall.hpp"
#include "support/log.hpp"
#include "support/process.hpp"

namespace vgpukit::cli {

namespace {

struct InstallOptions {
  std::string driver;
  std::vector<std::string> kernels;
  std::vector<std::string> modules;
  std::vector<std::string> accept;
  std::vector<std::string> without;
  unsigned jobs = 0;
  bool without_installer = false;
};

// The running kernel and the newest one, which boots next. In another root all kernels that have headers.
std::vector<std::string> default_kernels(const HostPaths& host) {
  if (host.is_host()) return {"running", "newest"};
  return {"all"};
}

nlohmann::json conflicts_json(const std::vector<install::Conflict>& conflicts) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& conflict : conflicts)
    list.push_back({{"message", conflict.what}, {"hint", conflict.next}, {"blocks", conflict.blocks}});
  return list;
}

std::string conflicts_text(const std::vector<install::Conflict>& conflicts, const Style& style) {
  std::string text;
  for (const auto& conflict : conflicts)
    text += (conflict.blocks ? style.red("conflict: ") : style.yellow("warning: ")) + conflict.what + "\n" +
            wrapped("-> " + conflict.next, 4);
  return text;
}

nlohmann::json signing_json(const install::SigningState& state) {
  return {{"secure_boot", state.secure_boot},
          {"enforced", state.enforced},
          {"key", state.key},
          {"from", state.from},
          {"certificate", state.certificate},
          {"enrolled", install::enrolment_name(state.enrolled)},
          {"unsigned", state.unsigned_modules},
          {"steps", state.steps}};
}

std::string signing_text(const install::SigningState& state, const Style& style) {
  if (!state.secure_boot) return "";
  std::string text = "Secure Boot is on";
  if (!state.enforced) text += " (but the running kernel also loads unsigned modules)";
  if (state.key.empty()) text += style.yellow("; there is no key to sign modules with");
  if (!state.key.empty()) text += "; modules are signed with " + state.key + " (" + state.from + ")";
  if (state.enrolled == module::Enrolment::enrolled) text += ", which is enrolled";
  if (state.enrolled == module::Enrolment::pending) text += style.yellow(", which is enrolled at the next boot");
  if (state.enrolled == module::Enrolment::missing)
    text += style.yellow(", which is not enrolled: a kernel that checks will refuse them");
  if (state.enrolled == module::Enrolment::unknown) text += "; whether that is enrolled is not known here";
  text += "\n";
  for (const auto& path : state.unsigned_modules) text += style.yellow("  not signed: ") + path + "\n";
  for (std::size_t i = 0; i < state.steps.size(); ++i)
    text += "  " + std::to_string(i + 1) + ". " + state.steps[i] + "\n";
  if (!state.steps.empty()) text += "  (docs/guides/secure-boot.md)\n";
  return text;
}

Result<Exit> install(const Globals& globals, const InstallOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  // Before the build, which takes minutes.
  TRY(check_root(host, "install a driver"));
  TRY_ASSIGN(const auto recipes, recipes_of(globals, options.without));
  install::InstallRequest request;
  TRY_ASSIGN(request.choices.accepted, accepted_of(host, recipes.known(), options.accept));
  TRY_ASSIGN(request.assumptions, assumptions_of(globals));
  TRY_ASSIGN(const auto driver, driver_of(globals, host, options.driver));
  request.with_nvidia_installer = !options.without_installer;
  if (request.with_nvidia_installer && !driver.package)
    return Error{
        ErrorKind::usage, "install " + driver.version.text + " with nvidia-installer", "it is from no installer (.run)",
        "--without-nvidia-installer registers the kernel modules with dkms; the user space is then the distribution's"};
  TRY_ASSIGN(request.kernels, kernels_of(host, options.kernels.empty() ? default_kernels(host) : options.kernels,
                                         request.choices.accepted));
  request.choices.recipes.assign(globals.recipes.begin(), globals.recipes.end());
  request.choices.shipped_recipes = !globals.no_shipped_recipes;
  request.choices.without = options.without;
  request.choices.modules = options.modules;
  request.driver = &driver;
  request.catalogue = &recipes.applied;
  request.explanations = &recipes.known();
  request.jobs = options.jobs > 0 ? options.jobs : default_jobs();
  Progress progress(driver.version.text, shows_progress(globals));
  request.on_progress = [&](const build::BuildProgress& state) { progress.show(state); };
  request.on_step = [&](std::string_view text) {
    if (!globals.quiet) progress.say(text);
  };
  auto installed = install::install_driver(host, std::move(request));
  progress.clear();
  if (!installed) return installed.error();
  if (installed->refused) return print_refused(globals, *installed->refused, "nothing was installed");
  const auto style = style_of(globals, STDOUT_FILENO);
  TRY_ASSIGN(const auto signing, install::signing_state(host));
  if (globals.json()) {
    print_json(nlohmann::json{{"result", installed->installed ? "installed" : "conflicts"},
                              {"conflicts", conflicts_json(installed->conflicts)},
                              {"warnings", installed->warnings},
                              {"hooks", installed->hooks},
                              {"signing", signing_json(signing)},
                              {"installed", installed->record}});
    return installed->installed ? Exit::done : Exit::missing;
  }
  print(conflicts_text(installed->conflicts, style));
  if (!installed->installed) {
    print("Nothing has been changed.\n");
    return Exit::missing;
  }
  print(style.green("NVIDIA " + driver.version.text + " is installed") + " and registered with dkms for:\n");
  for (const auto& [release, kernel] : installed->record.at("kernels").items()) {
    print("  " + release + ":");
    for (const auto& module : kernel.at("modules")) print(" " + module.at("name").get<std::string>());
    print("\n");
  }
  for (const auto& warning : installed->warnings) print(style.yellow("warning: ") + warning + "\n");
  for (const auto& hook : installed->hooks) print("hook: " + hook + "\n");
  for (const auto& folder : globals.recipes)
    print("recipes: those of " + folder + " are copied for later kernels. Install again after a change there.\n");
  print(signing_text(signing, style));
  print(
      "dkms builds it for future kernels and lets vgpukit patch it for each. vgpukit rollback restores the state "
      "before.\n");
  return Exit::done;
}

Result<Exit> uninstall(const Globals& globals) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY_ASSIGN(const auto outcome, install::uninstall_driver(host));
  if (globals.json()) {
    print_json(nlohmann::json{{"result", outcome.version.empty() ? "nothing" : "uninstalled"},
                              {"version", outcome.version},
                              {"remaining", outcome.left}});
    return Exit::done;
  }
  print(outcome.version.empty() ? "vgpukit has no driver installed here.\n"
                                : "NVIDIA " + outcome.version + " is uninstalled.\n");
  for (const auto& left : outcome.left) print("  not removed: " + left + "\n");
  return Exit::done;
}

Result<Exit> rollback(const Globals& globals) {
  TRY_ASSIGN(const auto host, host_of(globals));
  Progress progress("rollback", shows_progress(globals));
  TRY_ASSIGN(const auto outcome, install::rollback_driver(host, [&](std::string_view text) { progress.say(text); }));
  progress.clear();
  if (globals.json()) {
    print_json(nlohmann::json{{"result", "rolled back"},
                              {"from", outcome.from},
                              {"to", outcome.to},
                              {"kernels", outcome.releases},
                              {"built", outcome.built_now}});
    return Exit::done;
  }
  if (outcome.to.empty()) {
    print("NVIDIA " + outcome.from + " is removed; no driver was installed before it.\n");
    return Exit::done;
  }
  print("Back to NVIDIA " + outcome.to + " from " + outcome.from + ", with modules for:\n");
  for (const auto& release : outcome.releases) print("  " + release + "\n");
  return Exit::done;
}

std::string status_text(const install::InstallStatus& status, const Style& style) {
  std::string text;
  if (status.unfinished)
    text += style.yellow("interrupted: ") + *status.unfinished +
            "; the next install, rollback or uninstall finishes or undoes it first\n";
  if (status.record)
    text += style.bold("NVIDIA " + status.record->value("version", std::string("?"))) + ", installed " +
            status.record->value("installed", std::string("?")) + " by " +
            status.record->value("by", std::string("?")) +
            (status.previous.empty()
                 ? ""
                 : "; rollback goes to " + (status.previous == "none" ? "no driver" : status.previous)) +
            "\n";
  else
    text += "vgpukit has no driver installed here.\n";
  for (const auto& kernel : status.kernels) {
    const std::string marks = std::string(kernel.running ? ", running" : "") + (kernel.next ? ", boots next" : "");
    const auto state = kernel.modules.empty() ? "no modules"
                                              : std::to_string(kernel.modules.size()) + " modules by " +
                                                    std::string(install::owner_name(kernel.owner));
    text += "  " + kernel.release + marks + ": " + state +
            (kernel.problem.empty() ? "" : "; " + style.red(kernel.problem)) + "\n";
    if (kernel.next && status.record && !kernel.problem.empty())
      text += style.red("The kernel that boots next has no working driver: ") + kernel.problem + "\n";
  }
  text += signing_text(status.signing, style);
  if (status.last_hook && !status.last_hook->value("summary", std::string()).empty())
    text += "last hook run, " + status.last_hook->value("time", std::string("?")) + " by " +
            status.last_hook->value("by", std::string("?")) + ": " + status.last_hook->value("summary", std::string()) +
            "\n";
  return text;
}

Result<Exit> status(const Globals& globals) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY_ASSIGN(const auto found, install::install_status(host));
  if (!globals.json()) {
    print(status_text(found, style_of(globals, STDOUT_FILENO)));
    return Exit::done;
  }
  nlohmann::json kernels = nlohmann::json::array();
  for (const auto& kernel : found.kernels)
    kernels.push_back({{"release", kernel.release},
                       {"running", kernel.running},
                       {"next", kernel.next},
                       {"modules", kernel.modules},
                       {"by", install::owner_name(kernel.owner)},
                       {"problem", kernel.problem}});
  print_json(nlohmann::json{{"installed", found.record ? *found.record : nlohmann::json()},
                            {"unfinished", found.unfinished ? nlohmann::json(*found.unfinished) : nlohmann::json()},
                            {"previous", found.previous},
                            {"kernels", kernels},
                            {"signing", signing_json(found.signing)},
                            {"hook", found.last_hook ? *found.last_hook : nlohmann::json()}});
  return Exit::done;
}

}  // namespace

void add_install(CLI::App& app, Globals& globals, Action& action) {
  auto* command = app.add_subcommand("install", "Build, verify and install a driver, and register it with dkms");
  auto options = std::make_shared<InstallOptions>();
  command->add_option("DRIVER", options->driver, driver_help)->required();
  command
      ->add_option("--kernel", options->kernels,
                   "Which kernels (default: the running and the newest; in another root all)")
      ->type_name("REL");
  command->add_option("--modules", options->modules, "Only these modules, such as nvidia,nvidia-vgpu-vfio")
      ->type_name("MODULE")
      ->delimiter(',');
  command->add_option("--jobs", options->jobs, "Compilers at once (default: one for each processor)")
      ->check(CLI::Range(1, 1024));
  command->add_option("--accept", options->accept, "Accept the notice of a recipe, for later kernels, too")
      ->type_name("NOTICE");
  command->add_option("--without", options->without, "Leave this recipe out, for later kernels, too")
      ->type_name("RECIPE");
  command->add_flag("--without-nvidia-installer", options->without_installer,
                    "Only the kernel modules, through dkms: the user space is the distribution's");
  set_action(command, globals, action, options, install);
  set_action(app.add_subcommand("uninstall", "Remove the driver that vgpukit has installed"), globals, action,
             uninstall);
  set_action(app.add_subcommand("rollback", "Restore the driver that was installed before"), globals, action, rollback);
  set_action(app.add_subcommand("status", "Show what is installed, and which kernels have a working driver"), globals,
             action, status);
}

}  // namespace vgpukit::cli
