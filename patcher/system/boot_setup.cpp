#include "system/boot_setup.hpp"

#include <algorithm>

#include "support/text.hpp"

namespace vgpukit::system {

namespace {

using Family = Distribution::Family;

bool exists(const HostPaths& host, const char* path) {
  return host.resolve(path).has_value();
}

InitramfsTool initramfs_of(const HostPaths& host, Family family) {
  const bool arch = exists(host, "/etc/mkinitcpio.conf");
  const bool dracut =
      exists(host, "/usr/bin/dracut") || exists(host, "/usr/sbin/dracut") || exists(host, "/etc/dracut.conf");
  // Debian's dracut package replaces initramfs-tools, whose configuration file can remain: update-initramfs tells
  // which of the two is in use.
  const bool debian =
      exists(host, "/etc/initramfs-tools/initramfs.conf") && (!dracut || exists(host, "/usr/sbin/update-initramfs"));
  // The distribution's own tool comes first: others can be installed without being used.
  if (family == Family::debian && debian) return InitramfsTool::initramfs_tools;
  if (family == Family::arch && arch) return InitramfsTool::mkinitcpio;
  if (dracut) return InitramfsTool::dracut;
  if (debian) return InitramfsTool::initramfs_tools;
  return arch ? InitramfsTool::mkinitcpio : InitramfsTool::none;
}

// The first of systemd-boot's entries, by name. Fedora has such files, too, but GRUB reads them there.
std::string first_entry(const HostPaths& host) {
  for (const auto* folder : {"/boot/loader/entries", "/efi/loader/entries", "/boot/efi/loader/entries"}) {
    const auto here = host.resolve(folder);
    if (!here) continue;
    std::vector<std::string> names;
    std::error_code bad;
    for (auto entry = fs::directory_iterator(*here, bad); !bad && entry != fs::directory_iterator();
         entry.increment(bad))
      if (entry->path().extension() == ".conf") names.push_back(entry->path().filename().string());
    if (!names.empty()) return std::string(folder) + "/" + *std::min_element(names.begin(), names.end());
  }
  return "";
}

void find_loader(const HostPaths& host, BootSetup& setup) {
  const bool cmdline = exists(host, "/etc/kernel/cmdline");
  if (exists(host, "/etc/kernel/proxmox-boot-uuids") && cmdline) {
    setup.loader = BootLoader::proxmox_boot_tool;
    setup.parameters_file = "/etc/kernel/cmdline";
    setup.update_parameters = {"proxmox-boot-tool", "refresh"};
    return;
  }
  if (exists(host, "/etc/default/grub")) {
    setup.loader = BootLoader::grub;
    setup.parameters_file = "/etc/default/grub";
    if (exists(host, "/usr/sbin/update-grub") || setup.distribution.family == Family::debian)
      setup.update_parameters = {"update-grub"};
    else if (setup.distribution.family == Family::fedora || setup.distribution.family == Family::suse)
      setup.update_parameters = {"grub2-mkconfig", "-o", "/boot/grub2/grub.cfg"};
    else
      setup.update_parameters = {"grub-mkconfig", "-o", "/boot/grub/grub.cfg"};
    return;
  }
  const auto entry = first_entry(host);
  if (entry.empty() && !cmdline) return;
  setup.loader = BootLoader::systemd_boot;
  setup.parameters_file = cmdline ? "/etc/kernel/cmdline" : entry;
  // kernel-install writes the command line into the entries, or mkinitcpio writes it into a unified image. An edited
  // entry needs no program: systemd-boot reads it.
  if (cmdline) setup.update_parameters = {"kernel-install", "add-all"};
}

std::string then(const BootSetup& setup) {
  return setup.update_parameters.empty() ? ", then reboot"
                                         : ", then " + join(setup.update_parameters, " ") + " and reboot";
}

std::string place_of(const BootSetup& setup) {
  switch (setup.loader) {
    case BootLoader::grub:
      return "GRUB_CMDLINE_LINUX_DEFAULT in " + setup.parameters_file;
    case BootLoader::systemd_boot:
    case BootLoader::proxmox_boot_tool:
      return "the kernel's parameters in " + setup.parameters_file;
    case BootLoader::none:
      break;
  }
  return "the kernel's parameters";
}

}  // namespace

BootSetup boot_setup_of(const HostPaths& host) {
  BootSetup setup;
  setup.distribution = distribution_of(host);
  setup.initramfs = initramfs_of(host, setup.distribution.family);
  if (setup.initramfs == InitramfsTool::initramfs_tools)
    setup.update_initramfs = {"update-initramfs", "-u", "-k", "all"};
  if (setup.initramfs == InitramfsTool::dracut) setup.update_initramfs = {"dracut", "--force", "--regenerate-all"};
  if (setup.initramfs == InitramfsTool::mkinitcpio) setup.update_initramfs = {"mkinitcpio", "-P"};
  find_loader(host, setup);
  return setup;
}

std::string how_to_add(const BootSetup& setup, const std::string& word) {
  return "add " + word + " to " + place_of(setup) + then(setup);
}

std::string how_to_remove(const BootSetup& setup, const std::string& word) {
  return "remove " + word + " from " + place_of(setup) + then(setup);
}

}  // namespace vgpukit::system
