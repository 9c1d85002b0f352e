#include "passthrough/by_hand.hpp"

#include <algorithm>

#include "passthrough/parameter_words.hpp"
#include "passthrough/pending_edits.hpp"
#include "support/text.hpp"
#include "system/boot_loader.hpp"

namespace vgpukit::passthrough {

namespace {

using system::BootManager;

std::string quoted(const std::vector<std::string>& words, const char* separator) {
  return join(words, separator, [](const std::string& word) { return "\"" + word + "\""; });
}

void keep_only(BootEdits& edits, const std::string& path) {
  std::erase_if(edits.files, [&](const FileEdit& edit) { return edit.path != path; });
}

}  // namespace

void steps_by_hand(const HostPaths& host, const system::BootSetup& setup, const std::vector<CardClaim>& claims,
                   const InstalledModules& modules, BootEdits& edits) {
  const auto words = missing_words(system::boot_text(host, "/proc/cmdline"), edits.parameters);
  const auto load = modules.vfio();
  // Options of a module can be given on the command line, too: modprobe reads it.
  auto with_ids = words;
  const auto ids = ids_of(claims, {});
  if (!ids.empty() && std::none_of(with_ids.begin(), with_ids.end(),
                                   [](const std::string& word) { return word.starts_with("vfio-pci.ids="); }))
    with_ids.push_back("vfio-pci.ids=" + ids);
  edits.commands.clear();
  switch (setup.manager) {
    case BootManager::rpm_ostree: {
      keep_only(edits, modprobe_file);
      std::vector<std::string> kargs = {"rpm-ostree", "kargs"};
      for (const auto& word : words) kargs.push_back("--append=" + word);
      if (!words.empty()) edits.commands.push_back(kargs);
      std::vector<std::string> initramfs = {"rpm-ostree", "initramfs", "--enable"};
      if (!load.empty()) initramfs.insert(initramfs.end(), {"--arg=--force-drivers", "--arg=" + join(load, " ")});
      initramfs.insert(initramfs.end(), {"--arg=--install", std::string("--arg=") + modprobe_file});
      if (!edits.files.empty()) edits.commands.push_back(initramfs);
      edits.by_hand.push_back(std::string("write ") + modprobe_file + " as shown, run the commands, and reboot");
      edits.by_hand.push_back("to undo it: rpm-ostree kargs" +
                              join(words, "", [](const std::string& word) { return " --delete=" + word; }) +
                              ", rpm-ostree initramfs --disable, and remove the file; or boot the previous deployment: "
                              "rpm-ostree rollback");
      break;
    }
    case BootManager::bootc:
      keep_only(edits, modprobe_file);
      if (!words.empty())
        edits.by_hand.push_back("/usr/lib/bootc/kargs.d/10-vgpukit.toml in the image: kargs = [" + quoted(words, ", ") +
                                "]");
      edits.by_hand.push_back(std::string(modprobe_file) + " in the image, as shown");
      if (!load.empty())
        edits.by_hand.push_back("/usr/lib/dracut/dracut.conf.d/vgpukit.conf in the image: force_drivers+=\" " +
                                join(load, " ") + " \" and install_items+=\" " + modprobe_file + " \"");
      edits.by_hand.emplace_back(
          "in the Containerfile, after these files: RUN kver=$(ls /usr/lib/modules) && dracut --force "
          "/usr/lib/modules/$kver/initramfs.img $kver");
      edits.commands = {{"bootc", "upgrade"}};
      break;
    case BootManager::nixos:
      edits.files.clear();
      edits.by_hand.push_back("in /etc/nixos/configuration.nix: boot.kernelParams = [ " + quoted(with_ids, " ") +
                              " ];");
      if (!load.empty())
        edits.by_hand.push_back("in /etc/nixos/configuration.nix: boot.initrd.kernelModules = [ " + quoted(load, " ") +
                                " ];");
      edits.commands = {{"nixos-rebuild", "boot"}};
      break;
    case BootManager::guix:
      edits.files.clear();
      edits.by_hand.push_back("in (operating-system ...) of /etc/config.scm: (kernel-arguments (append (list " +
                              quoted(with_ids, " ") + ") %default-kernel-arguments))");
      if (!load.empty())
        edits.by_hand.push_back("in the same place: (initrd-modules (append (list " + quoted(load, " ") +
                                ") %base-initrd-modules))");
      edits.commands = {{"guix", "system", "reconfigure", "/etc/config.scm"}};
      break;
    case BootManager::talos:
      edits.files.clear();
      edits.by_hand.push_back("in the machine configuration: machine.install.extraKernelArgs: [" +
                              quoted(with_ids, ", ") +
                              "] (with Secure Boot: extraKernelArgs of the image's schematic)");
      edits.by_hand.emplace_back("in the machine configuration: machine.kernel.modules: [{name: vfio_pci}]");
      edits.commands = {{"talosctl", "upgrade"}};
      break;
    case BootManager::transactional_update:
      if (!words.empty())
        edits.by_hand.push_back("add " + join(words, " ") + " to GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub");
      edits.by_hand.emplace_back("write the files as shown, run the commands, and reboot");
      edits.commands = {{"transactional-update", "initrd"}, {"transactional-update", "--continue", "grub.cfg"}};
      break;
    case BootManager::firmware:
      edits.by_hand.push_back("make a boot entry of the firmware with these parameters at the end: " +
                              join(words, " ") + " (efibootmgr --create ... --unicode)");
      if (!setup.update_initramfs.empty()) edits.commands = {setup.update_initramfs};
      break;
    case BootManager::files:
      break;
  }
  if (!ids.empty() || setup.manager == BootManager::rpm_ostree || setup.manager == BootManager::bootc) return;
  edits.warnings.emplace_back(
      "another device has the ids of the card, so it has to be named by its address: set driver_override for it in the "
      "initramfs");
}

}  // namespace vgpukit::passthrough
