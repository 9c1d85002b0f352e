#include "passthrough/boot_edits.hpp"

#include <algorithm>

#include "passthrough/edit_boot_loader.hpp"
#include "passthrough/edit_initramfs.hpp"

namespace vgpukit::passthrough {

namespace {

using Family = Distribution::Family;

// Why vgpukit does not know which files of this host to change. Empty: it knows.
std::string unknown_setup(const system::BootSetup& setup, bool needs_parameters) {
  const auto family = setup.distribution.family;
  const auto name =
      setup.distribution.name.empty() ? std::string("a distribution without os-release") : setup.distribution.name;
  if (family != Family::debian && family != Family::arch && family != Family::fedora)
    return "vgpukit does not know how " + name + " boots: it knows Debian, Ubuntu, Proxmox, Arch, Manjaro and Fedora";
  if (setup.initramfs == system::InitramfsTool::none)
    return "this host has neither initramfs-tools nor dracut nor mkinitcpio: how its initramfs is made is not known";
  if (setup.loader == system::BootLoader::none && needs_parameters)
    return "this host has neither GRUB's nor systemd-boot's files: where its kernel parameters are is not known";
  return "";
}

}  // namespace

Result<BootEdits> boot_edits(const HostPaths& host, const system::BootSetup& setup,
                             const std::vector<CardClaim>& claims, const InstalledModules& modules,
                             const ReadText& read) {
  BootEdits edits;
  PendingEdits pending(host, read);
  std::vector<std::string> parameters;
  for (const auto& claim : claims)
    for (const auto& word : claim.parameters) add_unique(parameters, word);
  if (const auto ids = ids_of(claims, {}); !ids.empty() && modules.built_in_somewhere("vfio_pci"))
    parameters.push_back("vfio-pci.ids=" + ids);
  edits.unknown = unknown_setup(setup, !parameters.empty());
  TRY(edit_initramfs(pending, setup, claims, modules, edits));
  TRY(edit_boot_loader(pending, setup, parameters, edits));
  edits.files = pending.files();
  return edits;
}

std::vector<std::string> boot_products(const HostPaths& host) {
  std::vector<std::string> list;
  const auto add = [&](const std::string& folder, auto wanted) {
    const auto here = host.resolve(folder);
    if (!here) return;
    std::error_code bad;
    for (auto entry = fs::directory_iterator(*here, bad); !bad && entry != fs::directory_iterator();
         entry.increment(bad))
      if (entry->is_regular_file(bad) && wanted(entry->path().filename().string()))
        list.push_back(host.inside(entry->path()).string());
  };
  add("/boot", [](const std::string& name) {
    return name.starts_with("initrd.img-") || (name.starts_with("initramfs-") && name.ends_with(".img"));
  });
  for (const auto* folder : {"/boot/grub", "/boot/grub2"})
    add(folder, [](const std::string& name) { return name == "grub.cfg"; });
  for (const auto* esp : {"/boot", "/efi", "/boot/efi"}) {
    add(std::string(esp) + "/loader/entries", [](const std::string& name) { return name.ends_with(".conf"); });
    add(std::string(esp) + "/EFI/Linux", [](const std::string& name) { return name.ends_with(".efi"); });
  }
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
  return list;
}

}  // namespace vgpukit::passthrough
