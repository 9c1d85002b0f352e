#include <algorithm>

#include "install/install_status.hpp"
#include "module/module_file.hpp"

namespace vgpukit::install {

std::string module_problem(const HostPaths& host, const std::string& release, const InstallRecord& record,
                           const std::vector<kernel::InstalledModuleFile>& there) {
  const auto version = record.value("version", std::string());
  std::string missing;
  for (const auto& name : record.value("modules", std::vector<std::string>())) {
    const auto found = std::find_if(there.begin(), there.end(),
                                    [&](const kernel::InstalledModuleFile& each) { return each.name == name; });
    if (found == there.end()) {
      missing += (missing.empty() ? "" : ", ") + name;
      continue;
    }
    const auto module = module::read_module(host.in_root(found->path));
    if (!module) return module.error().message();
    const auto magic = module->info("vermagic");
    if (magic.substr(0, magic.find(' ')) != release) return name + " is for " + magic;
    if (const auto says = module->info("version"); !says.empty() && says != version)
      return name + " is of version " + says;
  }
  return missing.empty() ? "" : "no module " + missing;
}

}  // namespace vgpukit::install
