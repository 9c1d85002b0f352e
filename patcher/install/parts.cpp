#include "install/parts.hpp"

#include "install/dkms_tree.hpp"

namespace vgpukit::install {

std::string old_version(const HostPaths& host) {
  const auto record = installed_record(host);
  return record ? record->value("version", std::string()) : std::string();
}

Status remove_installed(const HostPaths& host, const Dkms& dkms, const std::string& version) {
  TRY(dkms.remove(dkms_module_name, version));
  std::error_code bad;
  const auto folder = host.in_root(dkms_source_folder(version));
  if (is_our_dkms_tree(folder)) fs::remove_all(folder, bad);
  return {};
}

void remove_made(const HostPaths& host, const InstallRecord& record, const Dkms& dkms) {
  std::error_code bad;
  fs::remove(host.in_root(dkms_signing_file), bad);
  const auto others = dkms.status("");
  const bool keep_key = fs::exists(host.in_root("/sys/firmware/efi"), bad) || !others || !others->empty();
  for (const auto& path : record.value("made", std::vector<std::string>())) {
    if (keep_key && path.find("/mok.") != std::string::npos) continue;
    // Headers alone had a folder, and the kernel came later: what depmod writes is that kernel's own by now.
    const bool by_depmod = path.starts_with("/lib/modules/") && path.find("/modules.") != std::string::npos;
    if (by_depmod && fs::is_directory(host.reach(fs::path(path).parent_path() / "kernel"), bad)) continue;
    fs::remove(host.reach(path), bad);
  }
}

}  // namespace vgpukit::install
