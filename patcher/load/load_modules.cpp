#include "load/load_modules.hpp"

#include <cerrno>

#include "load/load_record.hpp"
#include "support/interrupt.hpp"

namespace vgpukit::load {

namespace {

using State = ModuleOutcome::State;

// If modprobe.d forbids a required module, nothing is loaded.
Status check_plan(const LoadPlan& plan) {
  bool any = false;
  for (const auto& module : plan.modules) {
    any = any || (module.driver && module.skipped_because.empty());
    if (module.skipped_because.empty() || module.optional || module.driver) continue;
    return Error{ErrorKind::failed, "load the module " + module.name, "it is " + module.skipped_because,
                 "it is " + module.reason};
  }
  if (any) return {};
  return Error{ErrorKind::failed, "load the NVIDIA driver",
               plan.modules.back().name + " is " + plan.modules.back().skipped_because,
               "modprobe --showconfig prints all that modprobe.d says"};
}

void unload_again(const ModuleTools& tools, LoadReport& report) {
  for (auto each = report.modules.rbegin(); each != report.modules.rend(); ++each)
    if (each->module.driver && each->state == State::loaded && tools.running_system.remove(each->module.name) == 0)
      each->state = State::unloaded_again;
}

}  // namespace

Status may_change_modules(const ModuleTools& tools, const std::string& tried, const std::string& hint) {
  if (!tools.host.is_host() && tools.release.empty())
    return Error{ErrorKind::usage, tried, "--root names another root folder, and no kernel runs there",
                 "run it without --root; load --dry-run --kernel REL shows the plan"};
  return need_root(tools.host, tried, hint);
}

Result<FileLock> lock_modules(const ModuleTools& tools) {
  return FileLock::acquire(tools.host.in_root("/run/vgpukit/modules.lock"), tools.on_wait);
}

LoadReport load_planned(const ModuleTools& tools, const LoadPlan& plan) {
  LoadReport report;
  report.release = plan.release;
  auto record = read_module_record(tools.host);
  (void)tools.kernel_messages();  // earlier messages are not about these modules
  for (const auto& module : plan.modules) {
    ModuleOutcome outcome{module, State::loaded, std::nullopt, {}};
    if (module.state != PlannedModule::State::absent) {
      outcome.state = module.state == PlannedModule::State::live ? State::live : State::builtin;
    } else if (!module.skipped_because.empty()) {
      outcome.state = State::skipped;
    } else if (Interrupt::caught() != 0) {
      outcome.state = State::failed;
      outcome.error = Error{ErrorKind::interrupted, "load the module " + module.name, "interrupted", "run it again"};
    } else {
      const int error = tools.running_system.insert(module.file, module.options);
      outcome.messages = tools.kernel_messages();
      if (error == EEXIST) outcome.state = State::live;  // another process has loaded it meanwhile
      if (error != 0 && error != EEXIST) {
        outcome.state = State::failed;
        outcome.error = explain_load(module.name, error, outcome.messages, occupied_cards(tools.sysfs));
      }
    }
    if (outcome.state == State::loaded && module.driver) record[module.name] = {module.file, module.options};
    const bool stop = outcome.state == State::failed && (!module.optional || Interrupt::caught() != 0);
    report.modules.push_back(std::move(outcome));
    if (!stop) continue;
    report.error = report.modules.back().error;
    unload_again(tools, report);
    return report;
  }
  report.occupied = occupied_cards(tools.sysfs);
  // The record only helps to restore modules later, so a failure to write it is ignored.
  (void)write_module_record(tools.host, record);
  return report;
}

Result<LoadReport> load_modules(const ModuleTools& tools, const LoadRequest& request) {
  TRY(may_change_modules(tools, "load the NVIDIA driver", "run it with sudo; load --dry-run needs no root"));
  TRY_ASSIGN(const auto plan, plan_load(tools.host, tools.sysfs, tools.release, request));
  TRY(check_plan(plan));
  TRY_ASSIGN(const auto lock, lock_modules(tools));
  return load_planned(tools, plan);
}

}  // namespace vgpukit::load
