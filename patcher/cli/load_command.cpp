#include <sys/utsname.h>
#include <unistd.h>

#include "cli/cli.hpp"
#include "cli/load_text.hpp"
#include "support/log.hpp"

namespace vgpukit::cli {

namespace {

struct LoadOptions {
  std::vector<std::string> modules;
  std::string from, kernel;
  bool dry_run = false, stop_holders = false;
};

// uname -r; empty for another root, in which no kernel runs.
std::string running_release(const HostPaths& host) {
  utsname name{};
  return host.is_host() && ::uname(&name) == 0 ? name.release : "";
}

load::LoadRequest request_of(const LoadOptions& options) {
  load::LoadRequest request{options.modules, {}};
  if (!options.from.empty()) request.from = fs::absolute(options.from).lexically_normal();
  return request;
}

// What the three commands need. The members must outlive the result of get().
struct Tools {
  Tools(const HostPaths& paths) : host(paths), sysfs(host), log(host, system::KernelMessages::From::now) {}
  HostPaths host;
  Sysfs sysfs;
  load::RunningSystem running_system;
  system::KernelMessages log;
  [[nodiscard]] load::ModuleTools get() {
    return {host,
            sysfs,
            running_system,
            running_release(host),
            [this] { return log.fresh(); },
            [] { log::info("waiting: another vgpukit is loading or unloading modules"); }};
  }
};

Result<Exit> load(const Globals& globals, const LoadOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  Tools tools(host);
  const auto release = options.kernel.empty() ? running_release(host) : options.kernel;
  if (options.dry_run) {
    if (release.empty())
      return Error{ErrorKind::usage, "plan the load", "no kernel runs in " + host.root.string(),
                   "--kernel REL names one"};
    TRY_ASSIGN(const auto plan, load::plan_load(host, tools.sysfs, release, request_of(options)));
    if (globals.json())
      print_json(plan_json(plan));
    else
      print(plan_text(plan, style_of(globals, STDOUT_FILENO)));
    return Exit::done;
  }
  if (!options.kernel.empty() && options.kernel != running_release(host))
    return Error{ErrorKind::usage, "load modules of " + options.kernel, "another kernel runs here",
                 "boot it first; --dry-run shows the plan"};
  TRY_ASSIGN(const auto report, load::load_modules(tools.get(), request_of(options)));
  if (report.error) log::error(report.error->message());
  for (const auto& card : report.occupied)
    log::warning("the card " + card.address + " is not bound to nvidia: " + card.driver + " has it\n  " +
                 load::free_card_hint(card));
  if (globals.json())
    print_json(load_json(report));
  else if (!globals.quiet)
    print(load_text(report, style_of(globals, STDOUT_FILENO)));
  return report.error ? exit_of(report.error->kind) : Exit::done;
}

void say(const load::UnloadReport& report) {
  if (report.error) log::error(report.error->message());
  for (const auto& error : report.not_put_back) log::error(error);
}

Result<Exit> unload(const Globals& globals, const LoadOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  Tools tools(host);
  TRY_ASSIGN(const auto report, load::unload_modules(tools.get(), {options.stop_holders}));
  say(report);
  if (globals.json())
    print_json(unload_json(report));
  else if (!globals.quiet)
    print(unload_text(report));
  return report.error ? exit_of(report.error->kind) : Exit::done;
}

Result<Exit> reload(const Globals& globals, const LoadOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  Tools tools(host);
  TRY_ASSIGN(const auto report, load::reload_modules(tools.get(), {options.stop_holders}, request_of(options).from));
  if (report.error && !report.unloaded.error) log::error(report.error->message());
  say(report.unloaded);
  if (globals.json())
    print_json(reload_json(report));
  else if (!globals.quiet)
    print(reload_text(report, style_of(globals, STDOUT_FILENO)));
  if (report.error) return exit_of(report.error->kind);
  return report.unloaded.not_put_back.empty() ? Exit::done : Exit::failed;
}

}  // namespace

void add_load(CLI::App& app, Globals& globals, Action& action) {
  const auto options = std::make_shared<LoadOptions>();
  const auto add = [&](const char* name, const char* about, Result<Exit> (*what)(const Globals&, const LoadOptions&)) {
    auto* sub = app.add_subcommand(name, about);
    set_action(sub, globals, action, options, what);
    return sub;
  };
  const auto* from = "Modules from this folder, such as that of vgpukit build --output; default: the installed ones";
  const auto* stop =
      "Stop the services that use the driver and remove unused vGPUs; virtual machines are never stopped";
  auto* in = add("load", "Load NVIDIA's modules and all that they need", load);
  in->add_option("MODULE", options->modules, "Only these, such as nvidia-uvm; default: all of the driver's");
  in->add_option("--from", options->from, from)->type_name("DIR");
  in->add_option("--kernel", options->kernel, "With --dry-run: plan for this kernel instead of the running one")
      ->type_name("REL");
  in->add_flag("--dry-run", options->dry_run, "Only show what would be loaded, in which order, and why");
  auto* out = add("unload", "Unload NVIDIA's modules, or show what uses them", unload);
  out->add_flag("--stop-holders", options->stop_holders, stop);
  auto* again = add("reload", "Unload NVIDIA's modules and load them again, then start what was stopped", reload);
  again->add_option("--from", options->from, from)->type_name("DIR");
  again->add_flag("--stop-holders", options->stop_holders, stop);
}

}  // namespace vgpukit::cli
