#include "install/install_status.hpp"

#include <algorithm>

#include "install/hook_run.hpp"
#include "install/install.hpp"
#include "install/install_scope.hpp"
#include "support/atomic_file.hpp"
#include "support/hash.hpp"

namespace vgpukit::install {

namespace {

// Are the modules those that were verified when they were installed? What dkms has built since then it has verified
// itself.
std::string owner_of(const HostPaths& host, const KernelStatus& kernel, const InstallRecord& record) {
  const auto kernels = record.value("kernels", nlohmann::json::object());
  if (!kernels.contains(kernel.release)) {
    std::error_code bad;
    const auto built =
        host.in_root("/var/lib/dkms/nvidia/" + record.value("version", std::string()) + "/" + kernel.release);
    return fs::exists(built, bad) ? "dkms" : "somebody else";
  }
  for (const auto& module : kernels.at(kernel.release).value("modules", nlohmann::json::array())) {
    Hasher hasher;
    const auto path = module.value("path", std::string());
    if (!hasher.add_file(host.in_root(path)) || hasher.hex() != module.value("hash", std::string()))
      return "dkms, since it was installed";
  }
  return "vgpukit";
}

}  // namespace

Result<InstallStatus> install_status(const HostPaths& host) {
  InstallStatus status;
  status.record = installed_record(host);
  status.unfinished = unfinished_change(install_rules(host));
  if (const auto before = previous_state(host); before && !before->empty()) {
    const auto record = previous_record(host);
    status.previous = record ? record->value("version", std::string("?")) : "none";
  }
  const auto kernels = kernel::list_kernels(host);
  // Headers alone boot nothing. Where no kernel is installed (a builder root), each kernel's headers count.
  const bool any =
      std::any_of(kernels.begin(), kernels.end(), [](const kernel::KernelEntry& each) { return each.modules; });
  for (const auto& entry : kernels) {
    KernelStatus kernel;
    kernel.release = entry.release;
    kernel.running = entry.running;
    const auto there = kernel::installed_module_files(host, entry.release, nvidia_module_names());
    for (const auto& module : there) kernel.modules.push_back(module.path.string());
    if (any && !entry.modules && kernel.modules.empty()) continue;
    if (!status.record) {
      kernel.by = kernel.modules.empty() ? "" : "somebody else";
    } else {
      kernel.problem = module_problem(host, kernel.release, *status.record, there);
      kernel.by = kernel.modules.empty() ? "" : owner_of(host, kernel, *status.record);
    }
    status.kernels.push_back(std::move(kernel));
  }
  if (!status.kernels.empty()) status.kernels.back().next = true;
  if (status.record) {
    TRY_ASSIGN(status.signing, signing_state(host));
  }
  status.last_hook = last_hook_run(host);
  // The modules themselves are what counts; why they are missing, or will be refused, is what the hook has found.
  if (status.last_hook && status.record)
    for (auto& kernel : status.kernels) {
      const auto said = last_hook_failure(host, *status.last_hook, kernel.release);
      // Its words mostly begin with what was seen.
      if (said.starts_with(kernel.problem))
        kernel.problem = said;
      else if (!said.empty())
        kernel.problem += "; " + said;
    }
  return status;
}

}  // namespace vgpukit::install
