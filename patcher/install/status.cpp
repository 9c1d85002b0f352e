#include <algorithm>

#include "build/module.hpp"
#include "install/install.hpp"
#include "install/modules_there.hpp"
#include "install/scope.hpp"
#include "support/atomic_file.hpp"
#include "support/hash.hpp"

namespace vgpukit {

namespace {

std::string problem_of(const HostPaths& host, const KernelStatus& kernel, const InstallRecord& record) {
  const auto version = record.value("version", std::string());
  std::string missing;
  for (const auto& name : record.value("modules", std::vector<std::string>())) {
    const auto there = modules_there(host, kernel.release, {name});
    if (there.empty()) {
      missing += (missing.empty() ? "" : ", ") + name;
      continue;
    }
    const auto module = read_module(host.in_root(there.front().path));
    if (!module) return module.error().message();
    const auto magic = module->info("vermagic");
    if (magic.substr(0, magic.find(' ')) != kernel.release) return name + " is for " + magic;
    if (const auto says = module->info("version"); !says.empty() && says != version) return name + " is of version " + says;
  }
  return missing.empty() ? "" : "no module " + missing;
}

// Are the modules those that were verified when they were installed? What dkms has built since then it has verified itself.
std::string owner_of(const HostPaths& host, const KernelStatus& kernel, const InstallRecord& record) {
  const auto kernels = record.value("kernels", nlohmann::json::object());
  if (!kernels.contains(kernel.release)) {
    std::error_code bad;
    const auto built = host.in_root("/var/lib/dkms/nvidia/" + record.value("version", std::string()) + "/" + kernel.release);
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
  status.unfinished = unfinished_work(host);
  if (const auto before = previous_state(host); before && !before->empty()) {
    const auto record = previous_record(host);
    status.previous = record ? record->value("version", std::string("?")) : "none";
  }
  const auto kernels = list_kernels(host);
  // Headers alone boot nothing. Where no kernel is installed (a builder root), each kernel's headers count.
  const bool any = std::any_of(kernels.begin(), kernels.end(), [](const KernelEntry& each) { return each.modules; });
  for (const auto& entry : kernels) {
    KernelStatus kernel;
    kernel.release = entry.release;
    kernel.running = entry.running;
    for (const auto& module : modules_there(host, entry.release, nvidia_module_names()))
      kernel.modules.push_back(module.path.string());
    if (any && !entry.modules && kernel.modules.empty()) continue;
    if (!status.record) {
      kernel.by = kernel.modules.empty() ? "" : "somebody else";
    } else {
      kernel.problem = problem_of(host, kernel, *status.record);
      kernel.by = kernel.modules.empty() ? "" : owner_of(host, kernel, *status.record);
    }
    status.kernels.push_back(std::move(kernel));
  }
  if (!status.kernels.empty()) status.kernels.back().next = true;
  if (const auto text = read_file(machine_state(host) / "hooks" / "last.json")) {
    auto document = nlohmann::json::parse(*text, nullptr, false);
    if (document.is_object()) status.last_hook = std::move(document);
  }
  return status;
}

}  // namespace vgpukit
