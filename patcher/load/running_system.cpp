#include "load/running_system.hpp"

#include <syslog.h>

#include "support/libkmod.hpp"
#include "support/outside_program.hpp"
#include "system/services.hpp"

namespace vgpukit::load {

namespace {

// Without configuration: plan_load() has read modprobe.d already.
KmodContext quiet_context() {
  const char* const no_configuration[] = {nullptr};
  KmodContext context(kmod_new(nullptr, no_configuration));
  if (context) kmod_set_log_priority(context.get(), LOG_CRIT);
  return context;
}

}  // namespace

int RunningSystem::insert(const std::filesystem::path& file, const std::string& options) {
  // Each insert has its own context, because libkmod caches one path for each name.
  const auto context = quiet_context();
  kmod_module* found = nullptr;
  if (!context) return ENOMEM;
  if (const int error = kmod_module_new_from_path(context.get(), file.c_str(), &found); error < 0) return -error;
  const KmodModule module(found);
  return -kmod_module_insert_module(module.get(), 0, options.c_str());
}

int RunningSystem::remove(const std::string& name) {
  const auto context = quiet_context();
  kmod_module* found = nullptr;
  if (!context) return ENOMEM;
  if (const int error = kmod_module_new_from_name(context.get(), name.c_str(), &found); error < 0) return -error;
  const KmodModule module(found);
  return -kmod_module_remove_module(module.get(), 0);
}

Status RunningSystem::service(const std::string& verb, const std::string& unit) {
  OutsideProgram program;
  program.command.argv = {"systemctl", verb, unit};
  program.command.deadline = std::chrono::seconds(90);  // systemd's own limit for a service that does not stop
  program.tried = verb + " the service " + unit;
  program.next = "systemctl status " + unit + " and journalctl -u " + unit + " tell more";
  auto done = run_outside(program);
  if (done || done.error().kind != ErrorKind::failed) return done;
  const HostPaths host;
  done.error().why += "; " + system::service_state(host, Sysfs(host), unit).text();
  return done;
}

}  // namespace vgpukit::load
