#include "install/install_scope.hpp"

#include <algorithm>
#include <set>

#include "install/dkms_tree.hpp"
#include "install/hook_files.hpp"
#include "kernel/modules_folder.hpp"

namespace vgpukit::install {

const std::vector<std::string>& nvidia_module_names() {
  static const std::vector<std::string> names = {"nvidia",     "nvidia-uvm",     "nvidia-modeset",
                                                 "nvidia-drm", "nvidia-peermem", "nvidia-vgpu-vfio"};
  return names;
}

std::vector<std::string> install_scope(const HostPaths& host, const std::vector<std::string>& versions) {
  std::set<std::string> paths = {"/var/lib/dkms/nvidia", "/var/lib/dkms/mok.key", "/var/lib/dkms/mok.pub"};
  const auto& hooks = hook_paths();
  paths.insert(hooks.begin(), hooks.end());
  paths.insert(dkms_signing_file);
  for (const auto& version : versions) paths.insert(dkms_source_folder(version).string());
  for (const auto& release : kernel::releases_of(host)) {
    const auto folder = "/lib/modules/" + release + "/";
    for (const auto& name : kernel::depmod_files()) paths.insert(folder + name);
    for (const auto& module : kernel::installed_module_files(host, release, nvidia_module_names()))
      paths.insert(module.path.string());
    // Where dkms will put them: Debian and Arch, SUSE, Red Hat, and where dkms.conf says. Compressed as the kernel's
    // own are. nvidia-installer makes video/, whatever it puts there.
    for (const auto* place : {"updates/dkms/", "updates/", "extra/", "kernel/drivers/video/", "video/"})
      for (const auto& name : nvidia_module_names())
        for (const auto* suffix : {".ko", ".ko.xz", ".ko.zst", ".ko.gz"}) paths.insert(folder + place + name + suffix);
  }
  return {paths.begin(), paths.end()};
}

}  // namespace vgpukit::install
