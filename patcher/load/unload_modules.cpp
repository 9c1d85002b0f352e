#include "load/unload_modules.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "kernel/modules_folder.hpp"
#include "load/load_record.hpp"
#include "support/interrupt.hpp"
#include "support/text.hpp"
#include "vgpu/vgpu_change.hpp"

namespace vgpukit::load {

namespace {

constexpr const char* tried_text = "unload the NVIDIA driver";

// A module that was unloaded, and how it is loaded again.
struct Removed {
  std::string name;
  LoadedFrom from;  // no file: it cannot be restored
};

// What was stopped, removed and unloaded so far.
struct Undone {
  std::vector<std::string> units;
  std::vector<vgpu::Vgpu> vgpus;
  std::vector<Removed> modules;
};

// The loaded modules of the driver, in the order of unloading: a module before those that it uses.
std::vector<std::string> loaded_modules(const Sysfs& sysfs) {
  std::vector<std::string> left, order;
  // A module that holds another by symbol_get() is not among its holders, so the reverse order of loading comes first.
  for (auto name = driver_modules().rbegin(); name != driver_modules().rend(); ++name)
    if (sysfs.read("/sys/module/" + *name + "/initstate").text == "live") left.push_back(*name);
  while (!left.empty()) {
    auto next = std::find_if(left.begin(), left.end(), [&](const std::string& name) {
      const auto holders = sysfs.list("/sys/module/" + name + "/holders");
      return std::none_of(holders.begin(), holders.end(), [&](const auto& holder) {
        return std::find(left.begin(), left.end(), holder) != left.end();
      });
    });
    if (next == left.end()) next = left.begin();
    order.push_back(*next);
    left.erase(next);
  }
  return order;
}

// The error if the modules may not be unloaded. With `stop_holders`, services and unused vGPUs are no reason.
std::optional<Error> blocking_holders(const Holders& holders, bool stop_holders) {
  const auto error = [](std::string why, std::string next) {
    return Error{ErrorKind::failed, tried_text, std::move(why), std::move(next)};
  };
  for (const auto& process : holders.processes)
    if (process.has_vgpu)
      return error(process.text(), "shut it down first; a process that has a vGPU is never stopped for you");
  if (!holders.modules.empty())
    return error("the module " + holders.modules.front().name + " uses " + holders.modules.front().held_by,
                 "unload that first: modprobe -r " + holders.modules.front().name);
  for (const auto& process : holders.processes)
    if (process.unit.empty())
      return error(process.text(), "end it first; it is no service, so vgpukit does not stop it");
  if (stop_holders) return std::nullopt;
  if (!holders.processes.empty())
    return error(holders.processes.front().text(), "--stop-holders stops " + join(holders.units(), ", ") +
                                                       " first; vgpukit reload starts them again afterwards");
  if (!holders.vgpus.empty())
    return error("the vGPU " + holders.vgpus.front().name + " exists on " + holders.vgpus.front().parent +
                     (holders.vgpus.size() > 1 ? ", and " + std::to_string(holders.vgpus.size() - 1) + " more" : ""),
                 "vgpukit vgpu remove NAME; or --stop-holders, which removes those without users");
  return std::nullopt;
}

// udev may hold a module for a moment when it handles a new device, so a refusal is tried again for two seconds.
int remove_with_retries(const ModuleTools& tools, const std::string& name) {
  constexpr auto pause = std::chrono::milliseconds(100);
  int error = tools.running_system.remove(name);
  for (int tries = 0; (error == EAGAIN || error == EBUSY) && tries < 20 && Interrupt::caught() == 0; ++tries) {
    if (tools.host.is_host()) std::this_thread::sleep_for(pause);
    error = tools.running_system.remove(name);
  }
  return error;
}

Error remove_error(const ModuleTools& tools, const std::string& name, int error) {
  const auto tried = "unload the module " + name;
  if (error != EAGAIN && error != EBUSY)
    return {ErrorKind::failed, tried, std::strerror(error),
            error == EPERM ? "is kernel.modules_disabled set?" : "dmesg may tell more"};
  const auto now = find_holders(tools.sysfs, loaded_modules(tools.sysfs));
  if (!now.processes.empty())
    return {ErrorKind::failed, tried, now.processes.front().text() + ", which was not there before",
            "stop what starts it, then try again"};
  return {ErrorKind::failed, tried,
          "it is in use (" + tools.sysfs.read("/sys/module/" + name + "/refcnt").text +
              " times), and no program or module shows by whom",
          "a console or display on the card, or a virtual machine in a container, may use it; a reboot frees it"};
}

vgpu::VgpuTools vgpu_tools(const ModuleTools& tools) {
  return {tools.host, tools.sysfs, [] { return vgpu::retry_until(std::chrono::seconds(90)); }, tools.on_wait};
}

Status make_again(const ModuleTools& tools, const vgpu::Vgpu& vgpu) {
  vgpu::VgpuRequest vgpu_request;
  vgpu_request.type = vgpu.type;
  vgpu_request.card = vgpu.parent;
  if (vgpu.interface == vgpu::VgpuInterface::mdev) vgpu_request.uuid = vgpu.name;
  const auto made = vgpu::create_vgpu(vgpu_tools(tools), vgpu_request);
  if (!made) return made.error();
  return {};
}

// Restores as much as it can, in the opposite order. Gives what could not be restored, as sentences.
std::vector<std::string> put_back(const ModuleTools& tools, const Undone& undone) {
  std::vector<std::string> not_put_back;
  for (auto each = undone.modules.rbegin(); each != undone.modules.rend(); ++each) {
    const int error =
        each->from.file.empty() ? ENOENT : tools.running_system.insert(each->from.file, each->from.options);
    if (error != 0 && error != EEXIST)
      not_put_back.push_back("the module " + each->name + " could not be put back (" + std::strerror(error) +
                             "): vgpukit load");
  }
  for (const auto& vgpu : undone.vgpus)
    if (const auto made = make_again(tools, vgpu); !made) not_put_back.push_back(made.error().message());
  for (const auto& unit : undone.units)
    if (const auto started = tools.running_system.service("start", unit); !started)
      not_put_back.push_back(started.error().message());
  return not_put_back;
}

// The file to restore a module from: the recorded one, otherwise the one that modprobe would load.
LoadedFrom restore_from(const ModuleTools& tools, const ModuleRecord& record, const std::string& name) {
  std::error_code ignored;
  if (const auto found = record.find(name); found != record.end() && fs::exists(found->second.file, ignored))
    return found->second;
  const auto plan = plan_load(tools.host, tools.sysfs, tools.release, {{name}, {}});
  if (plan)
    for (const auto& module : plan->modules)
      if (module.name == name) return {module.file, module.options};
  return {};
}

Status stop_holders(const ModuleTools& tools, const Holders& holders, const std::vector<std::string>& modules,
                    Undone& undone) {
  for (const auto& unit : holders.units()) {
    undone.units.push_back(unit);  // before the stop, because a failed stop may have stopped it
    TRY(tools.running_system.service("stop", unit));
  }
  const auto left = find_holders(tools.sysfs, modules);
  if (!left.processes.empty())
    return Error{ErrorKind::failed, tried_text, left.processes.front().text() + ", although its service was stopped",
                 "something starts it again: systemctl list-dependencies --reverse shows what"};
  for (const auto& vgpu : holders.vgpus) {
    TRY_ASSIGN(const auto removed, vgpu::remove_vgpu(vgpu_tools(tools), vgpu.name));
    undone.vgpus.push_back(removed);
  }
  return {};
}

Status unload(const ModuleTools& tools, const UnloadRequest& request, UnloadReport& report, Undone& undone) {
  const auto modules = loaded_modules(tools.sysfs);
  report.holders = find_holders(tools.sysfs, modules);
  if (modules.empty()) return {};
  if (auto refused = blocking_holders(report.holders, request.stop_holders)) return *refused;
  auto record = read_module_record(tools.host);
  std::vector<Removed> all;
  for (const auto& name : modules) all.push_back({name, restore_from(tools, record, name)});
  TRY(stop_holders(tools, report.holders, modules, undone));
  for (auto& module : all) {
    if (Interrupt::caught() != 0) return Error{ErrorKind::interrupted, tried_text, "interrupted", "run it again"};
    if (const int error = remove_with_retries(tools, module.name); error != 0)
      return remove_error(tools, module.name, error);
    report.removed.push_back(module.name);
    undone.modules.push_back(std::move(module));
  }
  // The next load may use other files.
  for (const auto& name : report.removed) record.erase(name);
  (void)write_module_record(tools.host, record);
  return {};
}

UnloadReport unload_or_put_back(const ModuleTools& tools, const UnloadRequest& request, Undone& undone) {
  UnloadReport report;
  if (auto done = unload(tools, request, report, undone); !done) {
    report.error = done.error();
    report.not_put_back = put_back(tools, undone);
    report.removed.clear();
    return report;
  }
  report.stopped = undone.units;
  report.vgpus = undone.vgpus;
  return report;
}

}  // namespace

Result<UnloadReport> unload_modules(const ModuleTools& tools, const UnloadRequest& request) {
  TRY(may_change_modules(tools, tried_text));
  TRY_ASSIGN(const auto lock, lock_modules(tools));
  Undone undone;
  return unload_or_put_back(tools, request, undone);
}

Result<ReloadReport> reload_modules(const ModuleTools& tools, const UnloadRequest& request, const fs::path& from) {
  TRY(may_change_modules(tools, "reload the NVIDIA driver"));
  TRY_ASSIGN(const auto lock, lock_modules(tools));
  // The modules to load are found before anything is unloaded.
  LoadRequest wanted{{}, from};
  if (from.empty())
    for (const auto& name : loaded_modules(tools.sysfs)) wanted.modules.insert(wanted.modules.begin(), name);
  const auto record = read_module_record(tools.host);
  if (from.empty() && !wanted.modules.empty()) {
    const auto first = record.find(wanted.modules.front());
    const auto installed = kernel::modules_folder(tools.host);  // as libkmod names it: mostly /usr/lib/modules
    std::error_code ignored;
    // Modules from a build's folder are loaded from there again.
    if (first != record.end() && fs::exists(first->second.file, ignored) &&
        !(installed && first->second.file.string().starts_with(installed->string() + "/")))
      wanted.from = first->second.file.parent_path();
  }
  TRY(plan_load(tools.host, tools.sysfs, tools.release, wanted));

  ReloadReport report;
  Undone undone;
  report.unloaded = unload_or_put_back(tools, request, undone);
  if (report.unloaded.error) {
    report.error = report.unloaded.error;
    return report;
  }
  // Planned again, because the set of loaded modules has changed.
  auto plan = plan_load(tools.host, tools.sysfs, tools.release, wanted);
  if (plan) report.loaded = load_planned(tools, *plan);
  report.error = plan ? report.loaded->error : plan.error();
  if (report.error) {
    report.unloaded.not_put_back = put_back(tools, undone);
    return report;
  }
  for (const auto& vgpu : undone.vgpus) {
    if (const auto made = make_again(tools, vgpu))
      report.vgpus.push_back(vgpu.name);
    else
      report.unloaded.not_put_back.push_back(made.error().message());
  }
  for (const auto& unit : undone.units) {
    if (const auto started = tools.running_system.service("start", unit))
      report.started.push_back(unit);
    else
      report.unloaded.not_put_back.push_back(started.error().message());
  }
  return report;
}

}  // namespace vgpukit::load
