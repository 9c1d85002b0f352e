#include "install/install_status.hpp"

#include <algorithm>

#include "install/hook_run.hpp"
#include "install/install_scope.hpp"
#include "kernel/kernel.hpp"
#include "module/module_file.hpp"
#include "support/hash.hpp"
#include "support/text.hpp"

namespace vgpukit::install {

namespace {

// A kernel without an entry in the record is a later one. Modules with other hashes than those of the record were built
// again.
ModuleOwner owner_of(const HostPaths& host, const KernelStatus& kernel, const std::optional<InstallRecord>& record) {
  if (kernel.modules.empty()) return ModuleOwner::none;
  if (!record) return ModuleOwner::other;
  const auto kernels = record->value("kernels", nlohmann::json::object());
  if (!kernels.contains(kernel.release)) {
    std::error_code bad;
    const auto built =
        host.in_root("/var/lib/dkms/nvidia/" + record->value("version", std::string()) + "/" + kernel.release);
    return fs::exists(built, bad) ? ModuleOwner::dkms : ModuleOwner::other;
  }
  for (const auto& module : kernels.at(kernel.release).value("modules", nlohmann::json::array())) {
    Hasher hasher;
    const auto path = module.value("path", std::string());
    if (!hasher.add_file(host.in_root(path)) || hasher.hex() != module.value("hash", std::string()))
      return ModuleOwner::dkms_again;
  }
  return ModuleOwner::vgpukit;
}

}  // namespace

std::string_view owner_name(ModuleOwner owner) {
  switch (owner) {
    case ModuleOwner::none:
      break;
    case ModuleOwner::vgpukit:
      return "vgpukit";
    case ModuleOwner::dkms:
      return "dkms";
    case ModuleOwner::dkms_again:
      return "dkms, since it was installed";
    case ModuleOwner::other:
      return "somebody else";
  }
  return "";
}

Result<InstallStatus> install_status(const HostPaths& host) {
  InstallStatus status;
  status.record = installed_record(host);
  status.unfinished = unfinished_change(install_rules(host));
  if (const auto before = previous_state(host); before && !before->empty()) {
    const auto record = previous_record(host);
    status.previous = record ? record->value("version", std::string("?")) : "none";
  }
  const auto kernels = kernel::list_kernels(host);
  // A kernel with headers alone does not boot. If no kernel is installed at all (a builder root), headers count.
  const bool any =
      std::any_of(kernels.begin(), kernels.end(), [](const kernel::KernelEntry& each) { return each.modules; });
  for (const auto& entry : kernels) {
    KernelStatus kernel;
    kernel.release = entry.release;
    kernel.running = entry.running;
    const auto there = kernel::installed_module_files(host, entry.release, nvidia_module_names());
    for (const auto& module : there) kernel.modules.push_back(module.path.string());
    if (any && !entry.modules && kernel.modules.empty()) continue;
    kernel.owner = owner_of(host, kernel, status.record);
    if (status.record) kernel.problem = module_problem(host, kernel.release, *status.record, there);
    status.kernels.push_back(std::move(kernel));
  }
  if (!status.kernels.empty()) status.kernels.back().next = true;
  if (status.record) {
    TRY_ASSIGN(status.signing, signing_state(host));
  }
  status.last_hook = last_hook_run(host);
  // The hook knows why modules are missing, or why the kernel will refuse them.
  if (status.last_hook && status.record)
    for (auto& kernel : status.kernels) {
      const auto failure = last_hook_failure(host, *status.last_hook, kernel.release);
      if (failure.starts_with(kernel.problem))
        kernel.problem = failure;
      else if (!failure.empty())
        kernel.problem += "; " + failure;
    }
  return status;
}

std::string module_problem(const HostPaths& host, const std::string& release, const InstallRecord& record,
                           const std::vector<kernel::InstalledModuleFile>& there) {
  const auto version = record.value("version", std::string());
  std::string missing;
  for (const auto& name : record.value("modules", std::vector<std::string>())) {
    const auto found = std::find_if(there.begin(), there.end(),
                                    [&](const kernel::InstalledModuleFile& each) { return each.name == name; });
    if (found == there.end()) {
      append(missing, name);
      continue;
    }
    const auto module = module::read_module(host.in_root(found->path));
    if (!module) return module.error().message();
    const auto magic = module->info("vermagic");
    // RHEL's weak-modules links the modules of one release into others with the same kABI. The symbols then decide.
    if (magic.substr(0, magic.find(' ')) != release && !contains(found->path.string(), "/weak-updates/"))
      return name + " is for " + magic;
    if (const auto built = module->info("version"); !built.empty() && built != version)
      return name + " is of version " + built;
  }
  return missing.empty() ? "" : "no module " + missing;
}

}  // namespace vgpukit::install
