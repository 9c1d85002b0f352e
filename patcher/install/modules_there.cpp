#include "install/modules_there.hpp"

#include <algorithm>

namespace vgpukit {

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

std::vector<ModuleThere> modules_there(const HostPaths& host, const std::string& release, const std::vector<std::string>& names) {
  std::vector<ModuleThere> found;
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

const std::vector<std::string>& nvidia_module_names() {
  static const std::vector<std::string> names = {"nvidia",     "nvidia-uvm",     "nvidia-modeset",
                                                 "nvidia-drm", "nvidia-peermem", "nvidia-vgpu-vfio"};
  return names;
}

}  // namespace vgpukit
