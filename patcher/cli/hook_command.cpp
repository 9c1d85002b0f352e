#include <unistd.h>

#include <cstdio>

#include "cli/cli.hpp"
#include "install/hook_files.hpp"
#include "install/hook_run.hpp"
#include "install/transaction.hpp"
#include "support/limits.hpp"
#include "support/log.hpp"

namespace vgpukit::cli {

namespace {

struct HookOptions {
  std::string from;
  int parent = 0;
  std::vector<std::string> words;
};

install::HookCaller caller_of(const std::string& name) {
  if (name == "pacman") return install::HookCaller::pacman;
  if (name == "postinst") return install::HookCaller::postinst;
  return name == "kernel-install" ? install::HookCaller::kernel_install : install::HookCaller::person;
}

// pacman writes the paths of some files of each package. More than the limit is not read.
std::string all_of_stdin() {
  std::string text;
  char part[4096];
  for (ssize_t got = 0; text.size() < limits::document_bytes && (got = ::read(STDIN_FILENO, part, sizeof part)) > 0;)
    text.append(part, static_cast<std::size_t>(got));
  if (text.size() >= limits::document_bytes)
    log::warning("more than " + std::to_string(limits::document_bytes >> 20) +
                 " MiB of paths were given, and the rest was not read; vgpukit status shows kernels without a driver");
  return text;
}

std::string line_of(const install::HookKernel& kernel, const std::string& version, const Style& style) {
  const auto start = "vgpukit: " + kernel.release + ": ";
  switch (kernel.result) {
    case install::HookKernel::Result::ready:
      return start + "NVIDIA " + version + " is there (" + std::string(install::owner_name(kernel.owner)) + ")\n";
    case install::HookKernel::Result::built: {
      char seconds[32];
      std::snprintf(seconds, sizeof seconds, "%.0f s", kernel.seconds);
      return start + style.green("NVIDIA " + version + " is built and installed") + " (" + seconds + ")\n";
    }
    case install::HookKernel::Result::failed:
      break;
  }
  return start + style.red("NO WORKING DRIVER: ") + kernel.why + (kernel.next.empty() ? "" : " -> " + kernel.next) +
         "\n";
}

Result<Exit> run_now(const Globals& globals, const HookOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  const auto caller = caller_of(options.from);
  install::HookRequest request;
  request.caller = options.from.empty() ? "hand" : options.from;
  request.parent = options.parent;
  request.releases = install::hook_releases(caller, options.words,
                                            caller == install::HookCaller::pacman ? all_of_stdin() : std::string());
  if (request.releases.empty() && caller == install::HookCaller::person)
    return Error{ErrorKind::usage, "build for kernels",
                 "'" + (options.words.empty() ? "" : options.words.front()) + "' is not the name of a kernel",
                 "vgpukit hook run RELEASE...; vgpukit status lists them"};
  const auto style = style_of(globals, STDOUT_FILENO);
  const auto version = install::installed_record(host)
                           ? install::installed_record(host)->value("version", std::string())
                           : std::string();
  const bool text = !globals.json();
  request.on_begin = [&](const std::string& what) {
    if (text) print("vgpukit: " + what + "\n");
  };
  request.on_kernel = [&](const install::HookKernel& kernel) {
    if (text) print(line_of(kernel, version, style));
  };
  request.on_output = [](std::string_view line) { log::trace(std::string(line)); };
  TRY_ASSIGN(const auto outcome, install::run_hook(host, request));
  bool all = true;
  nlohmann::json kernels = nlohmann::json::array();
  for (const auto& kernel : outcome.kernels) {
    const bool failed = kernel.result == install::HookKernel::Result::failed;
    all = all && !failed;
    kernels.push_back({{"release", kernel.release},
                       {"result", failed                                                ? "failed"
                                  : kernel.result == install::HookKernel::Result::built ? "built"
                                                                                        : "ready"},
                       {"why", kernel.why},
                       {"next", kernel.next},
                       {"log", kernel.log},
                       {"seconds", kernel.seconds}});
  }
  if (!text)
    print_json(nlohmann::json{
        {"version", outcome.version}, {"kernels", kernels}, {"next_boot_problem", outcome.next_boot_problem}});
  if (text && !outcome.next_boot_problem.empty())
    print(style.red("vgpukit: WARNING: " + outcome.next_boot_problem) +
          "\nvgpukit: the modules of other kernels are as they were; vgpukit status tells more, "
          "and docs/guides/after-an-upgrade.md what to do\n");
  if (text && outcome.version.empty() && caller == install::HookCaller::person)
    print("vgpukit has no driver installed here.\n");
  return all ? Exit::done : Exit::failed;
}

// A package manager must not fail because of the hook: errors are printed and recorded, and the exit status is 0.
Result<Exit> run(const Globals& globals, const HookOptions& options) {
  auto done = run_now(globals, options);
  if (options.from.empty()) return done;
  if (!done) log::error(done.error().message());
  return Exit::done;
}

Result<Exit> install(const Globals& globals) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY_ASSIGN(const auto vgpukit, install::vgpukit_of(host, "install hooks in " + host.root.string()));
  TRY_ASSIGN(const auto written, install::install_hooks(host, vgpukit));
  TRY_ASSIGN(const auto places, install::hook_places(host, vgpukit));
  if (globals.json()) {
    print_json(nlohmann::json{{"result", places.empty() ? "none" : "installed"}, {"written", written}});
    return Exit::done;
  }
  for (const auto& path : written) print("written: " + path + "\n");
  if (places.empty())
    print("Neither pacman, dpkg nor kernel-install is here, so nothing can call vgpukit for a new kernel.\n");
  else if (written.empty())
    print("The hooks are installed already.\n");
  return Exit::done;
}

Result<Exit> remove(const Globals& globals) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY_ASSIGN(const auto removed, install::remove_hooks(host));
  if (globals.json()) {
    print_json(nlohmann::json{{"removed", removed}});
    return Exit::done;
  }
  for (const auto& path : removed) print("removed: " + path + "\n");
  if (removed.empty()) print("No hooks were installed.\n");
  return Exit::done;
}

const char* state_name(install::HookPlace::State state) {
  switch (state) {
    case install::HookPlace::State::installed:
      return "installed";
    case install::HookPlace::State::packaged:
      return "packaged";
    case install::HookPlace::State::different:
      return "different";
    case install::HookPlace::State::missing:
      break;
  }
  return "missing";
}

std::string place_text(const install::HookPlace& place, const Style& style) {
  switch (place.state) {
    case install::HookPlace::State::installed:
      return place.path;
    case install::HookPlace::State::packaged:
      return place.vendor + ", from a package";
    case install::HookPlace::State::different:
      return place.path + style.yellow(" is not the hook of this vgpukit") + "; vgpukit hook install replaces it";
    case install::HookPlace::State::missing:
      break;
  }
  return style.yellow("none") + "; vgpukit hook install writes " + place.path;
}

Result<Exit> hook_status(const Globals& globals) {
  TRY_ASSIGN(const auto host, host_of(globals));
  const auto vgpukit = install::vgpukit_of(host, "read the hooks");
  TRY_ASSIGN(const auto places, install::hook_places(host, vgpukit ? *vgpukit : "/usr/bin/vgpukit"));
  const auto last = install::last_hook_run(host);
  if (globals.json()) {
    nlohmann::json list = nlohmann::json::array();
    for (const auto& place : places)
      list.push_back({{"manager", place.manager}, {"path", place.path}, {"state", state_name(place.state)}});
    print_json(nlohmann::json{{"hooks", list}, {"last", last ? *last : nlohmann::json()}});
    return Exit::done;
  }
  const auto style = style_of(globals, STDOUT_FILENO);
  for (const auto& place : places) print(style.bold(place.manager) + ": " + place_text(place, style) + "\n");
  if (places.empty()) print("Neither pacman, dpkg nor kernel-install is here.\n");
  if (!last) {
    print("No hook has run yet.\n");
    return Exit::done;
  }
  print("last run: " + last->value("time", std::string("?")) + " by " + last->value("by", std::string("?")) + "\n");
  const auto kernels = last->value("kernels", nlohmann::json::object());
  for (const auto& [release, entry] : kernels.items())
    print("  " + release + ", " + entry.value("time", std::string("?")) + ": " + entry.value("text", std::string("?")) +
          "\n");
  return Exit::done;
}

}  // namespace

void add_hook(CLI::App& app, Globals& globals, Action& action) {
  auto* hook = app.add_subcommand("hook", "Hooks that package managers run after the installation of a kernel");
  hook->require_subcommand(1);
  set_action(hook->add_subcommand("install", "Make pacman, dpkg or kernel-install call vgpukit for each new kernel"),
             globals, action, install);
  set_action(hook->add_subcommand("remove", "Remove these hooks"), globals, action, remove);
  auto* run_command =
      hook->add_subcommand("run", "Check whether kernels have a working driver, and build it for those that have none");
  auto options = std::make_shared<HookOptions>();
  run_command
      ->add_option("--from", options->from,
                   "The package manager that calls; it always gets the exit status 0, and names the kernels in its own "
                   "way")
      ->check(CLI::IsMember({"pacman", "postinst", "kernel-install"}));
  run_command
      ->add_option("--parent", options->parent,
                   "For the hooks: the process after whose end dkms may build what failed here")
      ->group("");
  run_command->add_option("RELEASE", options->words,
                          "The kernels that were installed; with --from the arguments of the caller");
  set_action(run_command, globals, action, options, run);
  set_action(hook->add_subcommand("status", "Show which hooks are installed and what they did last"), globals, action,
             hook_status);
}

}  // namespace vgpukit::cli
