#include "install/uninstall.hpp"

#include <algorithm>

#include "install/hook_run.hpp"
#include "install/install_scope.hpp"
#include "install/user_space.hpp"
#include "kernel/modules_folder.hpp"
#include "support/log.hpp"
#include "support/text.hpp"

namespace vgpukit::install {

Result<UninstallOutcome> uninstall_driver(const HostPaths& host, const OnStep& at) {
  UninstallOutcome outcome;
  outcome.version = old_version(host);
  // begin() ends an interrupted command, which may install or remove a version. So the record is read again after it.
  if (outcome.version.empty() && !unfinished_change(install_rules(host))) return outcome;
  TRY_ASSIGN(auto transaction, JournaledChange::begin(install_rules(host), "uninstall " + outcome.version, {}, at));
  const auto record = installed_record(host);
  outcome.version = record ? record->value("version", std::string()) : std::string();
  if (record) {
    TRY(transaction.add(install_scope(host, {outcome.version})));
    transaction.step("dkms remove");
    TRY_ASSIGN(const auto dkms, Dkms::open(host, [](std::string_view line) { log::trace(std::string(line)); }));
    TRY(remove_installed(host, dkms, outcome.version));
    transaction.step("remove the modules");
    std::error_code in_use;
    for (const auto& release : kernel::releases_of(host))
      fs::remove(host.reach("/lib/modules/" + release + "/video"), in_use);  // nvidia-installer's, if it is empty
    for (const auto& release : kernel::releases_of(host))
      for (const auto& module : kernel::installed_module_files(host, release, nvidia_module_names()))
        outcome.left.push_back(module.path.string() + ", which dkms did not install for vgpukit");
    remove_made(host, *record, dkms);
  }
  std::error_code bad;
  fs::remove_all(host.machine_state() / "hooks", bad);
  fs::remove(host.reach(gave_up_file), bad);
  fs::remove(host.in_root(gave_up_file).parent_path(), bad);  // if it is empty
  TRY(transaction.commit(nullptr));
  fs::remove_all(host.is_host() ? host.cache : host.in_root("/var/cache/vgpukit"), bad);
  if (fs::exists(host.in_root("/var/lib/dkms/mok.pub"), bad))
    outcome.left.push_back(
        "/var/lib/dkms/mok.*, the key that dkms signs with: it may be enrolled, and other modules may need it");
  if (fs::exists(host.in_root("/var/lib/nvidia"), bad))
    outcome.left.push_back("/var/lib/nvidia and the user space of NVIDIA's installer: nvidia-uninstall removes those");
  return outcome;
}

Result<RollbackOutcome> rollback_driver(const HostPaths& host, const std::function<void(std::string_view)>& on_step,
                                        const OnStep& at) {
  RollbackOutcome outcome;
  // This ends an interrupted command first, so that there is a whole state to go back from.
  TRY_ASSIGN(auto transaction, JournaledChange::begin(install_rules(host), "rollback", {}, at));
  TRY_ASSIGN(const auto before, previous_state(host));
  outcome.from = old_version(host);
  if (before.empty())
    return Error{ErrorKind::usage, "go back to the driver before " + (outcome.from.empty() ? "this one" : outcome.from),
                 "no earlier driver was saved", "vgpukit status tells what is installed"};
  const auto record = previous_record(host);
  outcome.to = record ? record->value("version", std::string()) : std::string();
  std::vector<std::string> scope = install_scope(host, {outcome.from});
  for (const auto& snapshot : before) {
    const auto names = snapshot.names();
    scope.insert(scope.end(), names.begin(), names.end());
  }
  // A rollback of this rollback needs today's user space, too.
  if (std::find(scope.begin(), scope.end(), "/var/lib/nvidia") != scope.end())
    for (const auto& file : installed_user_space(host)) scope.push_back(file);
  TRY(transaction.add(scope));
  TRY_ASSIGN(const auto dkms, Dkms::open(host, [](std::string_view line) { log::trace(std::string(line)); }));
  // The kernels that have a driver now must have one afterwards, also those that were installed since then.
  TRY_ASSIGN(const auto now, dkms.status(dkms_module_name));
  if (!outcome.from.empty()) {
    transaction.step("remove " + outcome.from);
    TRY(remove_installed(host, dkms, outcome.from));
  }
  // depmod's files cover all modules of a kernel, which may have changed, so depmod runs again. Nothing is restored for
  // a kernel that was removed.
  const auto releases = kernel::releases_of(host);
  const auto wanted = [&](const std::string& path) {
    if (!path.starts_with("/lib/modules/")) return true;
    const auto rest = path.substr(13);
    const auto release = rest.substr(0, rest.find('/'));
    if (std::find(releases.begin(), releases.end(), release) == releases.end()) return false;
    return !contains(rest, "/modules.");
  };
  bool user_space = false;
  for (const auto& snapshot : before) {
    TRY_ASSIGN(const auto removed, remove_new_user_space(host, snapshot, /*cut_short=*/false));
    user_space = user_space || removed;
  }
  for (auto snapshot = before.rbegin(); snapshot != before.rend(); ++snapshot) TRY(snapshot->restore(wanted, at));
  if (user_space) refresh_user_space(host);
  for (const auto& entry : now) {
    if (entry.state != "installed" || outcome.to.empty()) continue;
    TRY_ASSIGN(const auto entries, dkms.status(dkms_module_name));
    const bool has = std::any_of(entries.begin(), entries.end(), [&](const DkmsEntry& each) {
      return each.version == outcome.to && each.release == entry.release && each.state == "installed";
    });
    if (has) continue;
    if (on_step) on_step("dkms builds " + outcome.to + " for " + entry.release);
    TRY(dkms.build(dkms_module_name, outcome.to, entry.release));
    TRY(dkms.install(dkms_module_name, outcome.to, entry.release));
    outcome.built_now.push_back(entry.release);
  }
  transaction.step("depmod");
  std::error_code bad;
  for (const auto& release : releases) {
    if (host.resolve("/lib/modules/" + release + "/modules.dep")) TRY(kernel::run_depmod(host, release));
    if (!outcome.to.empty() && !kernel::installed_module_files(host, release, nvidia_module_names()).empty())
      outcome.releases.push_back(release);
  }
  if (record) {
    auto again = *record;
    again["rolled-back"] = utc_now();
    TRY(transaction.commit(again));
    return outcome;
  }
  if (const auto current = installed_record(host)) remove_made(host, *current, dkms);
  TRY(transaction.commit(nullptr));
  return outcome;
}

}  // namespace vgpukit::install
