#include "kernel/modules_folder.hpp"

#include <algorithm>

#include "kernel/kernel.hpp"
#include "support/process.hpp"

namespace vgpukit::kernel {

namespace {

// "nvidia-drm.ko.xz" -> nvidia_drm; nothing for what is no module.
std::string module_of(std::string name) {
  const auto end = name.find(".ko");
  if (end == std::string::npos || (end + 3 != name.size() && name[end + 3] != '.')) return {};
  name.resize(end);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

}  // namespace

std::vector<InstalledModuleFile> installed_module_files(const HostPaths& host, const std::string& release,
                                                        const std::vector<std::string>& names) {
  std::vector<InstalledModuleFile> found;
  std::error_code bad;
  const auto folder = host.modules() / release;
  for (auto entry = fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied, bad);
       !bad && entry != fs::recursive_directory_iterator(); entry.increment(bad)) {
    const auto module = module_of(entry->path().filename().string());
    if (module.empty()) continue;
    for (const auto& name : names)
      if (module_of(name + ".ko") == module) found.push_back({name, host.inside(entry->path())});
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return found;
}

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
  for (auto entry = fs::directory_iterator(host.modules(), bad); !bad && entry != fs::directory_iterator();
       entry.increment(bad)) {
    std::error_code gone;
    if (entry->is_directory(gone)) releases.push_back(entry->path().filename().string());
  }
  std::sort(releases.begin(), releases.end());
  return releases;
}

Status run_depmod(const HostPaths& host, const std::string& release) {
  Command command;
  command.root = host.root;
  command.argv = {"depmod", release};
  TRY_ASSIGN(const auto said, run(command));
  if (said.ok()) return {};
  return Error{ErrorKind::failed, "run depmod for " + release, said.err.empty() ? said.out : said.err,
               install_tool_hint(host, "depmod")};
}

}  // namespace vgpukit::kernel
