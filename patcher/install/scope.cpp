#include "install/scope.hpp"

#include <algorithm>
#include <set>

#include "install/dkms_tree.hpp"
#include "install/hook_files.hpp"
#include "install/modules_there.hpp"
#include "kernel/kernel.hpp"
#include "support/process.hpp"

namespace vgpukit {

const std::vector<std::string>& depmod_files() {
  static const std::vector<std::string> names = {
      "modules.alias",   "modules.alias.bin",   "modules.builtin.alias.bin", "modules.builtin.bin",
      "modules.dep",     "modules.dep.bin",     "modules.devname",           "modules.softdep",
      "modules.symbols", "modules.symbols.bin", "modules.weakdep",
  };
  return names;
}

std::vector<std::string> releases_of(const HostPaths& host) {
  std::vector<std::string> releases;
  std::error_code bad;
  for (auto entry = fs::directory_iterator(host.modules(), bad); !bad && entry != fs::directory_iterator(); entry.increment(bad)) {
    std::error_code gone;
    if (entry->is_directory(gone)) releases.push_back(entry->path().filename().string());
  }
  std::sort(releases.begin(), releases.end());
  return releases;
}

std::vector<std::string> install_scope(const HostPaths& host, const std::vector<std::string>& versions) {
  std::set<std::string> paths = {"/var/lib/dkms/nvidia", "/var/lib/dkms/mok.key", "/var/lib/dkms/mok.pub"};
  const auto& hooks = hook_paths();
  paths.insert(hooks.begin(), hooks.end());
  paths.insert(dkms_signing_file);
  for (const auto& version : versions) paths.insert(dkms_source_folder(version).string());
  for (const auto& release : releases_of(host)) {
    const auto folder = "/lib/modules/" + release + "/";
    for (const auto& name : depmod_files()) paths.insert(folder + name);
    for (const auto& module : modules_there(host, release, nvidia_module_names())) paths.insert(module.path.string());
    // Where dkms will put them: Debian and Arch, SUSE, Red Hat, and where dkms.conf says. Compressed as the kernel's own are.
    // nvidia-installer makes video/, whatever it puts there.
    for (const auto* place : {"updates/dkms/", "updates/", "extra/", "kernel/drivers/video/", "video/"})
      for (const auto& name : nvidia_module_names())
        for (const auto* suffix : {".ko", ".ko.xz", ".ko.zst", ".ko.gz"}) paths.insert(folder + place + name + suffix);
  }
  return {paths.begin(), paths.end()};
}

Status run_depmod(const HostPaths& host, const std::string& release) {
  Command command;
  command.root = host.root;
  command.argv = {"depmod", release};
  TRY_ASSIGN(const auto said, run(command));
  if (said.ok()) return {};
  return Error{Exit::failed, "run depmod for " + release, said.err.empty() ? said.out : said.err,
               install_tool_hint(host, "depmod")};
}

}  // namespace vgpukit
