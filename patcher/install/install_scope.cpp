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
    // dkms installs into these folders: on Debian and Arch, on SUSE, on Red Hat, and the one of dkms.conf. It
    // compresses modules as the kernel's own are compressed. nvidia-installer makes video/ in any case.
    for (const auto* place : {"updates/dkms/", "updates/", "extra/", "kernel/drivers/video/", "video/"})
      for (const auto& name : nvidia_module_names())
        for (const auto* suffix : {".ko", ".ko.xz", ".ko.zst", ".ko.gz"}) paths.insert(folder + place + name + suffix);
  }
  return {paths.begin(), paths.end()};
}

std::string old_version(const HostPaths& host) {
  const auto record = installed_record(host);
  return record ? record->value("version", std::string()) : std::string();
}

Status remove_installed(const HostPaths& host, const Dkms& dkms, const std::string& version) {
  TRY(dkms.remove(dkms_module_name, version));
  std::error_code bad;
  const auto folder = dkms_source_folder(version);
  if (is_our_dkms_tree(host.in_root(folder))) fs::remove_all(host.reach(folder), bad);
  return {};
}

void remove_made(const HostPaths& host, const InstallRecord& record, const Dkms& dkms) {
  std::error_code bad;
  fs::remove(host.reach(dkms_signing_file), bad);
  const auto others = dkms.status("");
  const bool keep_key = fs::exists(host.in_root("/sys/firmware/efi"), bad) || !others || !others->empty();
  for (const auto& path : record.value("made", std::vector<std::string>())) {
    if (keep_key && path.find("/mok.") != std::string::npos) continue;
    // If the kernel was installed after its headers, depmod's files belong to that kernel now.
    const bool by_depmod = path.starts_with("/lib/modules/") && path.find("/modules.") != std::string::npos;
    if (by_depmod && fs::is_directory(host.in_root(fs::path(path).parent_path() / "kernel"), bad)) continue;
    fs::remove(host.reach(path), bad);
  }
}

}  // namespace vgpukit::install
